"""The order of an epoch: every number once, mixed by chance. A long one is worked out as it is read, not kept.

J. Black and P. Rogaway, Ciphers with arbitrary finite domains, 2002: a small Feistel network over the next power of
four, gone through again for what falls outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONG = 1 << 24  # numbers; a list of more would take more than 128 MB
ROUNDS = 6

Numbers = NDArray[np.int64]


def mixed(size: int, rng: np.random.Generator) -> Numbers | Mixed:
    """0 … size - 1 in an order drawn from `rng`; read it by slices."""
    return rng.permutation(size) if size <= LONG else Mixed(size, rng.integers(2**32, size=ROUNDS, dtype=np.uint64))


@dataclass(frozen=True)
class Mixed:
    """`size` numbers in the order that `keys` make."""

    size: int
    keys: NDArray[np.uint64]

    def __getitem__(self, part: slice) -> Numbers:
        numbers = self._swapped(np.arange(*part.indices(self.size), dtype=np.uint64))
        while (outside := numbers >= self.size).any():
            numbers[outside] = self._swapped(numbers[outside])
        return numbers.astype(np.int64)

    def _swapped(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Each number below 4^n to another one, no two to the same."""
        half = np.uint64(((self.size - 1).bit_length() + 1) // 2)
        mask = (np.uint64(1) << half) - np.uint64(1)
        left, right = numbers >> half, numbers & mask
        for key in self.keys:
            stirred = (right + key) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ ((stirred >> np.uint64(40)) & mask)
        return (left << half) | right
