"""Windows over the codes of songs, in which every unit is predicted from those before it and its place in the bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays


@dataclass(frozen=True)
class CodeRun:
    """Uninterrupted music: codes and places, int32 (n,). `first`: the first unit that is predicted; those before it are
    only heard."""

    codes: NDArray[np.int32]
    places: NDArray[np.int32]
    first: int = 0

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class CodeWindows:
    """Windows of `length` units after `context` units that only warm up the state.

    Attributes:
        nothing: the code that stands for no unit, before the first.
        stride: units from one window to the next, if they overlap; 0 for none.

    Arrays, all (n, context + length): inputs, the code before each unit; places, of the unit itself; target; mask, 0
    where there is no unit to predict.
    """

    runs: Sequence[CodeRun]
    length: int
    nothing: int
    context: int = 0
    stride: int = 0

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(run, first unit) of windows that together cover every unit, without a stride once."""
        step = self.stride or self.length
        tiles = [(k, first) for k, run in enumerate(self.runs) for first in range(run.first, len(run), step)]
        return np.array(tiles, dtype=np.int64).reshape(-1, 2)

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def steps(self) -> int:
        return self.context + self.length

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        inputs = np.full((len(index), self.steps), self.nothing, dtype=np.int32)
        places, target = np.zeros_like(inputs), np.zeros_like(inputs)
        mask = np.zeros(inputs.shape, dtype=np.float32)
        for row, (number, first) in enumerate(self.tiles[index].tolist()):
            run = self.runs[number]
            if rng is not None:  # anew each epoch, so that every unit occurs early and late in a window
                first += int(rng.integers(-self.length // 2, self.length // 2 + 1))
                first = int(np.clip(first, run.first, max(run.first, len(run) - self.length)))
            units = np.arange(first - self.context, min(first + self.length, len(run)))
            columns = np.flatnonzero(units >= 0)
            units = units[columns]
            inputs[row, columns] = np.where(units > 0, run.codes[np.maximum(units - 1, 0)], self.nothing)
            places[row, columns], target[row, columns] = run.places[units], run.codes[units]
            mask[row, columns] = units >= first
        return {"inputs": inputs, "places": places, "target": target, "mask": mask}
