"""Windows over series of samples as training examples. They are gathered when needed, never all in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Starts:
    """First samples of windows. They are computed when needed, because there is one for almost every sample.

    Attributes:
        firsts: of runs of windows, one sample apart. ends: windows up to the end of each run.
    """

    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def size(self) -> int:
        return int(self.ends[-1])

    @property
    def nbytes(self) -> int:
        return self.firsts.nbytes + self.ends.nbytes

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        before = np.concatenate([[0], self.ends[:-1]])  # windows before each run
        run = np.searchsorted(self.ends, index, side="right")
        return index + (self.firsts - before)[run]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[np.arange(self.size)].astype(dtype or np.int64)


def window_starts(lengths: Sequence[int], look_back: int, *, cross_joins: bool, off_by_one: bool) -> Starts:
    """First sample of each window in series of music laid end to end; the target comes `look_back` later.

    Args:
        cross_joins: also windows that begin in one series and end in the next, as in the authors' code.
        off_by_one: leave out the last window, as the authors' loop did.
    """
    pieces = [sum(lengths)] if cross_joins else list(lengths)
    lost = look_back + int(off_by_one)
    counts = np.maximum(0, np.array(pieces, dtype=np.int64) - lost)
    return Starts(np.cumsum([0, *pieces[:-1]]), np.cumsum(counts))


@dataclass(frozen=True)
class WindowExamples:
    """`look_back` samples and the one after them.

    Arrays: inputs (n, 1, look_back), or (n, look_back, 1) if `as_steps`; target (n, 1).

    Attributes:
        series: network units, all songs end to end; may be in a file, see `mapped`.
    """

    series: Samples
    starts: Starts | NDArray[np.int64]
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
