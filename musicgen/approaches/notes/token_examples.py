"""Windows over songs of token ids: `window` tokens and the one after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True)
class TokenSequences:
    """Windows in which every step is a target, not only the token after the last one.

    Attributes:
        runs: ids of uninterrupted music, each longer than `window`; no sequence crosses from one to the next.
        context: tokens of a sequence before its first target; 0: every token is a target.

    Arrays: inputs, target (n, window + context) ids; mask of the same shape, 0 where there is no target.
    """

    runs: Sequence[NDArray[np.int32]]
    window: int
    context: int = 0

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(run, first target) of the sequences that cover every target once."""
        firsts = [
            (number, first)
            for number, run in enumerate(self.runs)
            for first in range(1 + self.context, len(run), self.window)
        ]
        return np.array(firsts, dtype=np.int64).reshape(-1, 2)

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def steps(self) -> int:
        return self.window + self.context

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        inputs = np.zeros((len(index), self.steps), dtype=np.int32)
        target, mask = np.zeros_like(inputs), np.zeros(inputs.shape, dtype=np.float32)
        for row, (number, first) in enumerate(self.tiles[index].tolist()):
            run = self.runs[number]
            if rng is not None:  # anew each epoch, so that every token occurs early and late in a sequence
                first += int(rng.integers(-self.window // 2, self.window // 2 + 1))
                first = int(np.clip(first, 1 + self.context, max(1 + self.context, len(run) - self.window)))
            piece = run[first - 1 - self.context : first + self.window]
            asked = len(piece) - 1
            inputs[row, :asked], target[row, :asked] = piece[:-1], piece[1:]
            mask[row, self.context : asked] = 1.0
        return {"inputs": inputs, "target": target, "mask": mask}
