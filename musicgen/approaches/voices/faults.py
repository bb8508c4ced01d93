"""What part writing avoids or has little of: parallel fifths and octaves, crossings, clashes. On a grid. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.harmony import DISSONANT

PERFECT = (0, 7)  # semitones of octaves and fifths, within the octave
FAULTS = ("parallels", "crossings", "clashes")


def voice_pairs(n_voices: int) -> NDArray[np.int64]:
    """(pairs, 2): the upper and the lower voice."""
    return np.array(list(combinations(range(n_voices), 2)), dtype=np.int64).reshape(-1, 2)


def faults(ids: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where faults begin, (FAULTS, steps, pairs), in ids (steps, voices) of which 0 is a rest.

    parallels: both voices of a pair move, from a fifth or an octave to the same again, whichever the octave.
    crossings: the lower one of two neighbouring voices comes to be above the upper one.
    clashes: a pair makes a second, a seventh or a tritone when another note begins in any voice. Songs have them, too.
    """
    pairs = voice_pairs(ids.shape[1])
    upper, lower = ids[:, pairs[:, 0]].astype(np.int64), ids[:, pairs[:, 1]].astype(np.int64)
    sung = (upper > 0) & (lower > 0)
    found = np.zeros((len(FAULTS), *upper.shape), dtype=bool)
    interval = (upper - lower) % 12
    both_move = (upper[1:] != upper[:-1]) & (lower[1:] != lower[:-1]) & sung[1:] & sung[:-1]
    found[0, 1:] = both_move & (interval[1:] == interval[:-1]) & np.isin(interval[1:], PERFECT)
    crossed = crossings(ids)
    found[1] = crossed
    found[1, 1:] &= ~crossed[:-1]
    begins = np.ones(len(ids), dtype=bool)
    begins[1:] = ((ids[1:] != ids[:-1]) & (ids[1:] > 0)).any(axis=1)
    found[2] = sung & np.isin(interval, DISSONANT) & begins[:, None]
    return found


def crossings(ids: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where the lower one of two neighbouring voices is above the upper one, (steps, pairs), as long as it is."""
    pairs = voice_pairs(ids.shape[1])
    upper, lower = ids[:, pairs[:, 0]], ids[:, pairs[:, 1]]
    return (upper > 0) & (lower > upper) & (np.diff(pairs, axis=1)[:, 0] == 1)


def faults_per_beat(songs: Sequence[NDArray[np.integer]], beat: int) -> tuple[float, ...]:
    """How many of each kind the songs have in a beat. `songs`: ids (steps, voices)."""
    n_steps = sum(len(ids) for ids in songs)
    total = sum((faults(ids).sum(axis=(1, 2)) for ids in songs), np.zeros(len(FAULTS), dtype=np.int64))
    return tuple((total * beat / max(1, n_steps)).tolist())
