"""Guided lessons: predict, run, hear and see, why. Each lesson is one file in assets/lessons/; no lesson has code.

    lesson.py       what a lesson file says, checked against the parameters of the approaches
    conditions.py   `best < 0.9 * bigram`: when an outcome is the one that came out
    shelf.py        all lesson files, and what is wrong with those that cannot be used
    attempts.py     a visitor's attempt at a lesson, in the record
    following.py    how far the runs of an attempt are, and how long they still take
    measuring.py    the numbers of this very attempt; songs are measured in a child
    finishing.py    the end of an attempt: stopped, or measured and kept
    judging.py      numbers → which answer was right, and why
    showing.py      what is heard and seen of it
    report.py       finished lessons as one HTML file; reporting.py is its child, report_page.py its text

Light to import: a lesson is learned by ordinary runs in the queue.
"""
