"""Typical vectors: the centres of k-means, and the nearest of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ROWS_AT_ONCE = 16_384
ROUNDS = 12


def nearest(
    vectors: Floats, codebook: Floats, rng: np.random.Generator | None = None, tolerance: float = 0.0
) -> NDArray[np.int64]:
    """Number of the nearest entry of the codebook for each vector, (n,).

    With `rng`, entry k is sampled with a probability proportional to exp(-squared distance / (2 · tolerance))."""
    half, made = 0.5 * (codebook**2).sum(axis=1), []
    for first in range(0, max(1, len(vectors)), ROWS_AT_ONCE):
        scores = vectors[first : first + ROWS_AT_ONCE] @ codebook.T - half
        if rng is not None and tolerance > 0:
            scores = scores + np.float32(tolerance) * rng.gumbel(size=scores.shape).astype(np.float32)
        made.append(np.argmax(scores, axis=1))
    return np.concatenate(made)


def typical(steps: Floats, size: int, rng: np.random.Generator) -> Floats:
    """The k-means centres of the steps, (size, C): Lloyd's algorithm, started with k-means++ (Arthur and Vassilvitskii,
    2007)."""
    centres = steps[_spread(steps, size, rng)].copy()
    for _ in range(ROUNDS):
        mine = nearest(steps, centres)
        counts = np.bincount(mine, minlength=size)
        sums = np.zeros_like(centres)
        np.add.at(sums, mine, steps)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres).astype(np.float32)
    order = np.argsort(-np.bincount(nearest(steps, centres), minlength=size), kind="stable")
    return centres[order]


def _spread(steps: Floats, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of steps that are far from each other."""
    chosen = [int(rng.integers(len(steps)))]
    apart = ((steps - steps[chosen[0]]) ** 2).sum(axis=1).astype(np.float64)
    while len(chosen) < size:
        total = apart.sum()
        number = int(rng.integers(len(steps))) if total <= 0 else int(rng.choice(len(steps), p=apart / total))
        chosen.append(number)
        apart = np.minimum(apart, ((steps - steps[number]) ** 2).sum(axis=1))
    return np.array(chosen)
