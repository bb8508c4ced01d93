"""Notes on a grid as wholes: where they begin, and random ones apart from each other. NumPy only.

The network that fills in learns to say which pitch a hidden note has, and is asked just that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

APART = 1  # beats at least between two notes that are hidden at once: they do not know of each other


@dataclass(frozen=True)
class Note:
    """A note, or a part of it: its voice and its steps."""

    voice: int
    steps: slice


def note_starts(ids: NDArray[np.integer], struck: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells in which another note or rest begins; (steps, voices)."""
    return np.concatenate([np.ones_like(struck[:1]), struck[1:] | (ids[1:] != ids[:-1])])


def notes_apart(
    ids: NDArray[np.integer],
    struck: NDArray[np.bool_],
    free: NDArray[np.bool_],
    stretch: int,
    apart: int,
    rng: np.random.Generator,
) -> list[Note]:
    """Random notes that are free as a whole: of each stretch of steps one that sounds there, if it is `apart` steps
    or more from the one before."""
    starts, sung = note_starts(ids, struck), free & (ids > 0)
    found: list[Note] = []
    until = -apart
    for first in range(-int(rng.integers(stretch)), len(ids), stretch):
        part = slice(max(0, first), first + stretch)
        cells = np.flatnonzero(sung[part])
        if not cells.size:
            continue
        step, voice = divmod(int(cells[rng.integers(cells.size)]), ids.shape[1])
        step += part.start
        start, later = step - int(np.argmax(starts[step::-1, voice])), np.flatnonzero(starts[step + 1 :, voice])
        note = slice(start, step + 1 + int(later[0]) if later.size else len(ids))
        if note.start >= until + apart and free[note, voice].all():
            found.append(Note(voice, note))
            until = note.stop
    return found
