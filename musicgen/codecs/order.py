"""The order of an epoch: a random permutation. A long one is computed on reading, not stored.

J. Black and P. Rogaway, Ciphers with arbitrary finite domains, 2002: a small Feistel network over the next power of
four, applied again to results outside the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONG = 1 << 24  # elements; a longer list would take more than 128 MB
ROUNDS = 6

Numbers = NDArray[np.int64]


def mixed(size: int, rng: np.random.Generator) -> Numbers | Mixed:
    """0 … size - 1 in a random order drawn from `rng`; read it in slices."""
    return rng.permutation(size) if size <= LONG else Mixed(size, rng.integers(2**32, size=ROUNDS, dtype=np.uint64))


@dataclass(frozen=True)
class Mixed:
    """`size` numbers in the order given by `keys`."""

    size: int
    keys: NDArray[np.uint64]

    def __getitem__(self, part: slice) -> Numbers:
        numbers = self._swapped(np.arange(*part.indices(self.size), dtype=np.uint64))
        while (outside := numbers >= self.size).any():
            numbers[outside] = self._swapped(numbers[outside])
        return numbers.astype(np.int64)

    def _swapped(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """A permutation of the numbers below 4^n."""
        half = np.uint64(((self.size - 1).bit_length() + 1) // 2)
        mask = (np.uint64(1) << half) - np.uint64(1)
        left, right = numbers >> half, numbers & mask
        for key in self.keys:
            stirred = (right + key) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ ((stirred >> np.uint64(40)) & mask)
        return (left << half) | right
