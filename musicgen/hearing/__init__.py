"""Songs heard as notes: sound becomes a score, in a process of its own.

    sound → windows → network → posteriors → notes → beats → score

windows.py      sound, cut for the network            network.py   runs the network (TFLite)
notes.py        posteriors → notes                    beats.py     notes → beats and bars
writing_down.py notes on beats → score                hearing.py   the child process that does it all
heard.py        what pages and the command line call: hear a song, leave out faint notes, add it as a song
"""
