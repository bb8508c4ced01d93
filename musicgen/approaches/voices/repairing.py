"""Repairs of what was filled in: notes are chosen again until it has about half as many parallels and crossings as the
songs, and no more clashes.

A repair hides one note that takes part in a fault and asks the network for it again. It stays only if fewer faults are
left near it; what was there before comes back otherwise. So pieces are drawn from what the network says, on condition
that they have few faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.faults import FAULTS, crossings, faults, voice_pairs
from musicgen.approaches.voices.whole_notes import Note

REACH = 3  # beats before and after a fault that are looked at
LONGEST = 2  # beats of a note that are hidden, each way
# The share of the songs' faults that may stay. Half of the parallels and crossings: some repairs fail.
MAY_STAY = {"parallels": 0.5, "crossings": 0.5, "clashes": 1.0}

Ids = NDArray[np.int32]
Cells = NDArray[np.bool_]


@dataclass(frozen=True)
class Repair:
    """A note to be chosen again, and the steps `near` that are looked at."""

    note: Note
    near: slice

    def is_better(self, before: Ids, after: Ids) -> bool:
        """Whether ids (steps, voices) have fewer parallels and crossings near it than before; or as many, but cross for
        a shorter time, since often several notes of a voice lie across another; or else fewer clashes, of which good
        songs have many."""
        return self._counts(after) < self._counts(before)

    def _counts(self, ids: Ids) -> tuple[int, int, int]:
        found = dict(zip(FAULTS, faults(ids[self.near]).sum(axis=(1, 2)).tolist(), strict=True))
        clashes = found.pop("clashes")
        return sum(found.values()), int(crossings(ids[self.near]).sum()), clashes


def repairs_of(ids: Ids, free: Cells, usual: Sequence[float], beat: int, rng: np.random.Generator) -> list[Repair]:
    """Repairs far enough from each other to be made at once; none if the faults are few enough.

    Args:
        ids: (steps, voices). free: the cells that may change. usual: faults in a beat of the songs, of the first
            kinds or of all.
    """
    pairs, found = voice_pairs(ids.shape[1]), faults(ids)
    n_beats = free.any(axis=1).sum() / beat
    chosen: list[Repair] = []
    for kind in range(len(usual)):
        places = [
            (step, cells)
            for step, pair in rng.permutation(np.argwhere(found[kind])).tolist()
            if (
                cells := [
                    (at, voice) for at in _steps_of(kind, step) for voice in pairs[pair] if at >= 0 and free[at, voice]
                ]
            )
        ]
        surplus = int(np.ceil(len(places) - MAY_STAY[FAULTS[kind]] * usual[kind] * n_beats))
        for step, cells in places:
            near = slice(max(0, step - REACH * beat), step + REACH * beat + 1)
            is_apart = all(near.start >= other.near.stop or near.stop <= other.near.start for other in chosen)
            if surplus > 0 and is_apart:
                at, voice = cells[int(rng.integers(len(cells)))]
                steps = _note(ids[:, voice], free[:, voice], at, LONGEST * beat)
                chosen.append(Repair(Note(int(voice), steps), near))
                surplus -= 1
    return chosen


def _steps_of(kind: int, step: int) -> tuple[int, ...]:
    """Where a note may be changed to mend a fault that begins at a step: a clash is of that moment, the others are of
    how voices get there."""
    return (step,) if FAULTS[kind] == "clashes" else (step, step - 1)


def _note(line: NDArray[np.int32], free: NDArray[np.bool_], at: int, longest: int) -> slice:
    """The steps of the note at `at` that are free, at most `longest` each way."""
    other = (line != line[at]) | ~free
    before, after = np.flatnonzero(other[:at]), np.flatnonzero(other[at:])
    first = int(before[-1]) + 1 if before.size else 0
    stop = at + int(after[0]) if after.size else len(line)
    return slice(max(first, at - longest), min(stop, at + longest))
