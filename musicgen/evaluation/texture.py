"""Whether a score goes on: how long nothing begins, and whether voices fall silent. NumPy only.

Conventions
    As in `tonality`.

Metrics
    longest_still     the most beats (quarter notes) from one moment at which notes begin to the next, or to the end
    thinnest_share    how many notes sound at once in the thinnest quarter of the piece, over how many do on average in
                      all of it, 0 … 1; pauses count as none. The first quarter is left out: voices may enter one by one
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import first_notes, together
from musicgen.symbolic.score import Score

MAX_NOTES = 4_000
PART = 4  # the thinnest part is one of so many, wherever it begins
PLACES = 64  # at which it may begin


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    return {"longest_still": longest_still(score), "thinnest_share": thinnest_share(score)}


def longest_still(score: Score) -> float:
    """In beats; 0 for an empty score."""
    if not score.num_notes:
        return 0.0
    moments = np.append(together(score), _ends(score).max())
    return float(np.diff(moments).max(initial=0) / score.ticks_per_beat)


def thinnest_share(score: Score) -> float:
    """1: as many notes sound everywhere. 0 for an empty score."""
    if not score.num_notes:
        return 0.0
    begins, ends = np.sort(score.notes["onset_ticks"].astype(np.int64)), np.sort(_ends(score))
    ticks = int(ends[-1] - begins[0])
    length = max(1, ticks // PART)
    starts = begins[0] + np.linspace(length, max(length, ticks - length), PLACES).astype(np.int64)
    sounded = _sounded(begins, ends, starts + length) - _sounded(begins, ends, starts)
    whole = int((ends - begins).sum())
    return float(min((sounded.min() / length) / (whole / ticks), 1.0)) if whole > 0 else 0.0


def _sounded(begins: NDArray[np.int64], ends: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long all notes together have sounded until these ticks: the time since they began, less that since they
    ended."""
    return _past(begins, until) - _past(ends, until)


def _past(ticks: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of the times that have passed since those of the sorted `ticks` that are earlier."""
    count = np.searchsorted(ticks, until)
    return np.asarray(count * until - np.concatenate([[0], np.cumsum(ticks)])[count])


def _ends(score: Score) -> NDArray[np.int64]:
    return score.notes["onset_ticks"].astype(np.int64) + score.notes["duration_ticks"]
