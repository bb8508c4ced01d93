"""Songs heard as notes: sound becomes a score, in a process of its own.

    sound → windows → network → posteriors → onsets → notes → beats → score

windows.py       sound, cut for the network         network.py   runs the network (TFLite)
spectra.py       how strong each pitch is           onsets.py    where notes may begin, judged
notes.py         onsets and posteriors → notes
beats.py         notes → beats and bars             writing_down.py   notes on beats → score
hearing.py, drafting.py   the child processes       heard.py     what pages and the command line call
"""

USUAL_CONFIDENCE = 0.25  # least confidence of a note; the best F-measure on pieces that we rendered
