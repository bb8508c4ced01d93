"""What is foretold of a piece, found while it is played: stretch by stretch, so that a long piece begins as soon as a
short one and needs no more memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from musicgen.approaches.audio_wavenet.forecasts import Floats, Foretold
from musicgen.contract.prepared import TrainingSong

FRAMES_AT_ONCE = 300


class Part(NamedTuple):
    """`n_frames` of a song from second `start` on."""

    song: TrainingSong
    start: float
    n_frames: int


class Foreteller:
    """The frames of some parts, one part after the other. They have to be asked for in order.

    Args:
        find: a part → its Foretold, (1, n_frames, …). frame: seconds of a frame.
    """

    def __init__(self, find: Callable[[Part], Foretold], parts: Sequence[Part], frame: float) -> None:
        self._find = find
        self._parts = [
            Part(song, start + first * frame, min(FRAMES_AT_ONCE, n_frames - first))
            for song, start, n_frames in parts
            for first in range(0, n_frames, FRAMES_AT_ONCE)
        ]
        self._stops = list(accumulate(part.n_frames for part in self._parts))
        self._found: dict[int, Foretold] = {}

    @property
    def all_frames(self) -> Foretold:
        return self.frames(0, self._stops[-1] if self._stops else 0)

    def frames(self, first: int, stop: int) -> Foretold:
        """Frames `first` to `stop`: arrays (n, …)."""
        pieces = []
        for number, (part, end) in enumerate(zip(self._parts, self._stops, strict=True)):
            begin = end - part.n_frames
            if end <= first:
                self._found.pop(number, None)
            elif begin < stop:
                found = self._found.get(number) or self._find(part)
                self._found[number] = found
                few = slice(max(first - begin, 0), stop - begin)
                pieces.append([each[0, few] for each in found])
        if not pieces:
            return Foretold(*(np.zeros((0,) * ndim, dtype=np.float32) for ndim in (2, 1, 1)))
        return Foretold(*(np.concatenate(each) for each in zip(*pieces, strict=True)))


def side_by_side(pieces: Sequence[Foretold]) -> Foretold:
    """Arrays (n, …) of several pieces → (n_pieces, longest, …), aligned at their ends, with silence before."""

    def together(each: Sequence[Floats]) -> Floats:
        largest = np.max([one.shape for one in each], axis=0)
        filled = [
            np.pad(one, [(most - size, 0) for most, size in zip(largest, one.shape, strict=True)]) for one in each
        ]
        return np.stack(filled)

    return Foretold(*(together(each) for each in zip(*pieces, strict=True)))
