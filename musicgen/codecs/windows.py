"""Windows over series of samples as training examples, gathered when needed and never all in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays

Samples = NDArray[np.float32]


def window_starts(lengths: Sequence[int], look_back: int, *, cross_joins: bool, off_by_one: bool) -> NDArray[np.int64]:
    """First sample of each window in stretches of music laid end to end; the target lies `look_back` later.

    Args:
        cross_joins: also windows that begin in one stretch and end in the next, as the authors had them.
        off_by_one: leave out the last window, as the authors' loop did.
    """
    pieces = [sum(lengths)] if cross_joins else list(lengths)
    firsts = np.concatenate([[0], np.cumsum(pieces)]).astype(np.int64)
    lost = look_back + int(off_by_one)
    return np.concatenate([first + np.arange(max(0, n - lost)) for first, n in zip(firsts, pieces, strict=False)])


@dataclass(frozen=True)
class WindowExamples:
    """`look_back` samples and the one after them.

    Arrays: inputs (n, 1, look_back), or (n, look_back, 1) if `as_steps`; target (n, 1).

    Attributes:
        series: network units, all stretches end to end.
    """

    series: Samples
    starts: NDArray[np.int64]
    look_back: int
    as_steps: bool = False

    @property
    def n_examples(self) -> int:
        return int(self.starts.size)

    @property
    def nbytes(self) -> int:
        return self.series.nbytes + self.starts.nbytes

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        starts = self.starts[index]
        inputs = self.series[starts[:, None] + np.arange(self.look_back)]
        return {
            "inputs": inputs[:, :, None] if self.as_steps else inputs[:, None, :],
            "target": self.series[starts + self.look_back, None],
        }
