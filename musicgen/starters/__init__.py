"""Starters: weights learned from music in the public domain, which come with the program, for a training to start from.

card.py      what a starter file says of itself: light, for pages
weights.py   its weights, written and carried over to new networks: workers only

`scripts/starters.py` makes the files.
"""
