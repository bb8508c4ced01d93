"""What sounds at the moments at which notes begin. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import TOGETHER_BEATS, together
from musicgen.symbolic.score import Score

OVERLAP = 1 / 8  # of a note, at most of a beat: notes that overlap by less follow each other


def sounding_sum(score: Score, chosen: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of `values` over the chosen notes that sound, at each moment at which any note begins.

    Args:
        score: without drums; see `note_events.first_notes`.
        chosen: which notes count, shape (num_notes,). values: one or several for each note, shape (num_notes, …).

    Returns:
        Shape (n_moments, …).
    """
    moments = together(score)
    onset, duration = score.notes["onset_ticks"][chosen], score.notes["duration_ticks"][chosen]
    slack = np.minimum(duration * OVERLAP, score.ticks_per_beat * OVERLAP)
    first = np.searchsorted(moments, onset - score.ticks_per_beat * TOGETHER_BEATS)
    last = np.maximum(np.searchsorted(moments, onset + duration - slack), first + 1)
    change = np.zeros((moments.size + 1, *values.shape[1:]))
    np.add.at(change, first, values[chosen])
    np.add.at(change, last, -values[chosen])
    return np.asarray(np.cumsum(change, axis=0)[:-1])
