"""Windows over series of samples as training examples, gathered when needed and never all in memory.

A `stretch` is one uninterrupted series of network units, float32, shape (n_samples,).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.amplitude import Samples, linear_prediction
from musicgen.codecs.examples import Arrays


def window_starts(lengths: Sequence[int], look_back: int, *, cross_joins: bool, off_by_one: bool) -> NDArray[np.int64]:
    """First sample of each window in the stretches laid end to end; the target lies `look_back` later.

    Args:
        cross_joins: also windows that begin in one stretch and end in the next, as the authors had them.
        off_by_one: leave out the last window, as the authors' loop did.
    """
    pieces = [sum(lengths)] if cross_joins else list(lengths)
    firsts = np.concatenate([[0], np.cumsum(pieces)])
    lost = look_back + int(off_by_one)
    return np.concatenate([first + np.arange(max(0, n - lost)) for first, n in zip(firsts, pieces, strict=False)])


@dataclass(frozen=True)
class WindowExamples:
    """`look_back` samples and the one after them.

    Arrays: inputs (n, 1, look_back), or (n, look_back, 1) if `as_steps`; base and target (n, 1).

    Attributes:
        series: all stretches, end to end. base: what is known about each sample beforehand (the linear path; else 0).
        starts: `reach` samples before each target; reach ≥ look_back, more where the linear path looks further back.
    """

    series: Samples
    base: Samples
    starts: NDArray[np.int64]
    reach: int
    look_back: int
    as_steps: bool = False

    @property
    def n_examples(self) -> int:
        return int(self.starts.size)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        at = self.starts[index] + self.reach
        inputs = self.series[at[:, None] + np.arange(-self.look_back, 0)]
        return {
            "inputs": inputs[:, :, None] if self.as_steps else inputs[:, None, :],
            "base": self.base[at, None],
            "target": self.series[at, None],
        }


@dataclass(frozen=True)
class SequenceExamples:
    """Runs of neighbouring windows for a network that carries its memory along.

    Arrays: inputs (n, steps, look_back); base, target and mask (n, steps). The first `warm_up` steps of a run are not
    learned from: the memory is still filling. In an epoch the runs begin anew at random places.
    """

    series: Samples
    base: Samples
    bounds: NDArray[np.int64]  # (n_stretches, 2): first and last + 1 of each stretch in the series
    reach: int
    steps: int
    warm_up: int
    look_back: int

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(first target, start and stop of its stretch) of the runs that cover every stretch, shape (n, 3)."""
        tiles = []
        for start, stop in self.bounds.tolist():
            firsts = np.arange(start + self.reach, max(stop - self.warm_up, start + self.reach), self.stride)
            tiles.append(np.stack([firsts, np.full_like(firsts, start), np.full_like(firsts, stop)], axis=1))
        return np.concatenate(tiles)

    @property
    def stride(self) -> int:
        """Targets of a run that are learned from."""
        return self.steps - self.warm_up

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        firsts, starts, stops = self.tiles[index].T
        if rng is not None:
            shift = rng.integers(-self.stride // 2, self.stride // 2 + 1, size=firsts.size)
            latest = np.maximum(stops - self.steps, starts + self.reach)
            firsts = np.clip(firsts + shift, starts + self.reach, latest)
        at = firsts[:, None] + np.arange(self.steps)  # (n, steps): the targets
        mask = (at < stops[:, None]) & (np.arange(self.steps) >= self.warm_up)
        at = np.minimum(at, self.series.size - 1)
        inputs = self.series[at[:, :, None] + np.arange(-self.look_back, 0)]
        return {"inputs": inputs, "base": self.base[at], "target": self.series[at], "mask": mask.astype(np.float32)}


def lay_end_to_end(
    stretches: Sequence[Samples], weights: Sequence[float]
) -> tuple[Samples, Samples, NDArray[np.int64]]:
    """(series, base of the linear path, bounds of each stretch)."""
    ends = np.cumsum([stretch.size for stretch in stretches])
    bounds = np.stack([ends - [stretch.size for stretch in stretches], ends], axis=1)
    base = [linear_prediction(stretch, weights) for stretch in stretches]
    return np.concatenate(list(stretches)), np.concatenate(base), bounds
