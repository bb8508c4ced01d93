"""Extends notes by the sustain pedal, for code that ignores controllers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.score import Score

SUSTAIN = 64
DOWN = 64  # values from here up press the pedal


def held_offsets(score: Score) -> NDArray[np.float64]:
    """Note ends in seconds, moved to the release while the pedal is down; shape (num_notes,)."""
    ends = score.notes["onset_ticks"] + score.notes["duration_ticks"]
    last = int(ends.max(initial=0))
    for index in np.unique(score.controls["track"][score.controls["number"] == SUSTAIN]):
        of_track = score.notes["track"] == index
        moves = score.controls[(score.controls["track"] == index) & (score.controls["number"] == SUSTAIN)]
        ends[of_track] = _released(ends[of_track], moves["tick"], moves["value"] >= DOWN, last)
    return score.ticks_to_seconds(ends)


def _released(
    ends: NDArray[np.int64], ticks: NDArray[np.int64], is_down: NDArray[np.bool_], last: int
) -> NDArray[np.int64]:
    """Each end, or the next release after it if the pedal is down at that moment (`last` if it never rises)."""
    releases = np.append(ticks[~is_down], last)
    state = np.concatenate([[False], is_down])[np.searchsorted(ticks, ends, side="right")]
    following = releases[np.minimum(np.searchsorted(releases[:-1], ends), len(releases) - 1)]
    return np.where(state, np.maximum(following, ends), ends)
