"""What followed the longest earlier match: at each step, the latest stretch of the piece is looked up in what came
before it, and the step that followed there is a guess for the next one. Only the past is looked at.

Two kinds of match: of all voices, and of the top voice alone (a tune that returns with another harmony).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

KINDS = 2  # all voices, the top voice alone
SHORTEST = 4  # steps
MEMORY = 768  # steps that are searched: 48 bars of 4/4 in sixteenths
LENGTHS = (4, 6, 8, 11, 16, 23, 32, 48)  # a match of at least so many steps has the next class
HELD = (1, 2, 3, 4, 6, 8, 12, 16, 24)  # the same for how many steps a note has been held


def classes(values: NDArray[np.integer], thresholds: tuple[int, ...]) -> NDArray[np.int32]:
    """How many of the thresholds each value reaches: 0 … len(thresholds)."""
    return np.searchsorted(np.array(thresholds), values, side="right").astype(np.int32)


def earlier_matches(ids: NDArray[np.integer], nothing: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each step of a piece (steps, voices), from the steps before it alone:

    Returns:
        (what followed the longest earlier match, (steps, KINDS, voices), filled with `nothing` where there is none;
        the length of that match in steps, (steps, KINDS), 0 where it is shorter than SHORTEST). Of several matches of
        one length, the latest counts.
    """
    n_steps, n_voices = ids.shape
    followed = np.full((n_steps, KINDS, n_voices), nothing, dtype=np.int32)
    lengths = np.zeros((n_steps, KINDS), dtype=np.int32)
    runs = np.zeros((KINDS, n_steps + 1), dtype=np.int32)  # [:, j + 1]: of the match that ends at step j
    for step in range(1, n_steps):
        last = step - 1
        first = max(0, last - MEMORY + 1)
        equal = ids[first:last] == ids[last]
        for kind, is_same in enumerate((equal.all(axis=1), equal[:, 0])):
            now = np.where(is_same, runs[kind, first:last] + 1, 0)
            runs[kind, first + 1 : last + 1] = now
            if now.size and (longest := int(now.max())) >= SHORTEST:
                place = last - 1 - int(np.argmax(now[::-1]))
                followed[step, kind], lengths[step, kind] = ids[place + 1], longest
    return followed, lengths


def longest_steps(
    songs: Sequence[tuple[NDArray[np.integer], NDArray[np.bool_]]], least: int
) -> tuple[tuple[int, int], ...]:
    """Of each voice, how many steps its longest note and its longest rest last in the songs (ids, struck), at least
    `least`. What lasts to the end of a song is left out: there, notes are held for as long as one likes."""
    found = np.full((songs[0][0].shape[1], 2), least, dtype=np.int64)
    for ids, struck in songs:
        held = held_steps(ids, struck)
        is_last = held[1:] <= held[:-1]  # of a note or a rest, before another begins
        for voice in range(ids.shape[1]):
            ends = np.flatnonzero(is_last[:, voice])
            for kind in range(2):
                lengths = held[ends, voice][(ids[ends, voice] == 0) == bool(kind)]
                found[voice, kind] = max(found[voice, kind], int(lengths.max(initial=0)))
    return tuple((int(note), int(rest)) for note, rest in found)


def longest_silence(songs: Sequence[NDArray[np.integer]]) -> int:
    """The most steps in a row at which all voices rest, in songs (steps, voices)."""
    longest = 0
    for ids in songs:
        is_silent = (ids == 0).all(axis=1)
        bounds = np.flatnonzero(np.diff(np.concatenate([[0], is_silent.astype(np.int8), [0]])))
        longest = max(longest, int((bounds[1::2] - bounds[::2]).max(initial=0)))
    return longest


def held_steps(ids: NDArray[np.integer], struck: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many steps each cell's note (or rest) has lasted, that step included: 1 where it begins; (steps, voices)."""
    begins = struck.copy()
    begins[0] = True
    begins[1:] |= ids[1:] != ids[:-1]
    place = np.arange(len(ids))[:, None]
    return (place - np.maximum.accumulate(np.where(begins, place, 0), axis=0) + 1).astype(np.int32)
