"""Windows over songs of token ids: `window` tokens and the one after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays


@dataclass(frozen=True)
class TokenWindows:
    """Arrays: inputs (n, window) ids, target (n,).

    Attributes:
        ids: the ids of all songs, end to end. starts: the first token of each window.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    window: int

    @property
    def n_examples(self) -> int:
        return int(self.starts.size)

    @property
    def targets(self) -> NDArray[np.int32]:
        return self.ids[self.starts + self.window]

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        starts = self.starts[index]
        return {"inputs": self.ids[starts[:, None] + np.arange(self.window)], "target": self.ids[starts + self.window]}


def window_starts(lengths: Sequence[int], window: int) -> NDArray[np.int64]:
    """First tokens of the windows of songs laid end to end: max(0, length - window) of each, never across songs."""
    firsts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    pieces = [first + np.arange(max(0, n - window)) for first, n in zip(firsts, lengths, strict=False)]
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)
