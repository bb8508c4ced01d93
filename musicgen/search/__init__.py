"""Searching for good settings: trials that are ordinary runs, proposed by Optuna from those before.

space       the parameters of an approach that a search may change, and their values
proposing   in a child process: the next trial, and which parameters mattered (the only module that loads Optuna)
budget      how long a trial trains, so that all of them have the same amount of work
curves      held-out loss by share of that work; when a trial is stopped early
records     studies and their trials in the record
orders      start, stop, continue, judge, delete
preferences which trials are liked, from pairs that were compared by ear; which pair is next
pieces      the piece by which a trial is judged
trial       what happens to one trial from its proposal to its value
searcher    the process that goes on with every study; it holds no state
"""
