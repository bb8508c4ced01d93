"""Blind tests: a listener says in each round which of two excerpts is the original. Light to import.

    start_test(order)                        → material → child: rounds → sounds on disk, which was which in the record
    round_sounds(test, n), answer(test, n, "a"), result(test)

material.py    which pieces a test is made from
rounds.py      the child: chooses the excerpts, levels them, writes one WAV file for each
    excerpts.py, sounds.py, scores.py, finishing.py   its parts: where, from sound, from notes, equally loud
records.py     tests in the record: started, answered, finished or given up
trial_pairs.py   pieces of two trials of a search, compared by ear; pairing.py: the child that makes their sounds
results.py     what came out, in numbers and words; chance.py: how likely that is by guessing
"""
