"""The probability of an id given the few before it, by counting; the floors of notes and of sound are based on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer]


class CountedMemory:
    """The probability of an id given the `order` before it; rare contexts back off to shorter ones in
    proportion, and finally to all ids alike (a Dirichlet prior; MacKay and Peto, A hierarchical Dirichlet language
    model, 1995).

    The strength of the back-off is the one of `strengths` that best predicts each id of the training music from
    all the others; `leaves_out_throughout`: the shorter contexts leave out that id too.
    """

    def __init__(
        self,
        stretches: Sequence[Ids],
        n_ids: int,
        strengths: NDArray[np.float64],
        shorter: CountedMemory | None = None,
        *,
        leaves_out_throughout: bool = True,
    ) -> None:
        self.n_ids, self.shorter = n_ids, shorter
        self.order: int = 0 if shorter is None else shorter.order + 1
        together = np.concatenate([as_keys(each, n_ids, self.order) for each in stretches])
        self.keys, self.counts = np.unique(together, return_counts=True)
        self.contexts, place = np.unique(self.keys // n_ids, return_inverse=True)
        self.totals = np.bincount(place, weights=self.counts)
        fallback, totals = self._fallback(self.keys, int(leaves_out_throughout)), self.totals[place]
        likelihood = [
            self.counts @ np.log((self.counts - 1 + each * fallback) / (totals - 1 + each)) for each in strengths
        ]
        self.strength = strengths[int(np.argmax(likelihood))]

    def probability(self, keys: Ids, left_out: int = 0) -> NDArray[np.float64]:
        """Of the last id of each key; keys may have more context than this model.

        `left_out`: 1 for keys of the training music itself, each of which is then predicted from all the others.
        """
        keys = keys % self.n_ids ** (self.order + 1)
        seen = _looked_up(self.keys, self.counts, keys) - left_out
        total = _looked_up(self.contexts, self.totals, keys // self.n_ids) - left_out
        return (seen + self.strength * self._fallback(keys, left_out)) / (total + self.strength)

    def _fallback(self, keys: Ids, left_out: int) -> NDArray[np.float64]:
        if self.shorter is None:
            return np.full(keys.shape, 1.0 / self.n_ids)
        return self.shorter.probability(keys, left_out)


def as_keys(ids: Ids, n_ids: int, order: int) -> NDArray[np.int64]:
    """Each id of a sequence (n,) with the `order` ids before it, as one number; the id itself is last."""
    wide = ids.astype(np.int64)
    key = np.zeros(max(0, wide.size - order), dtype=np.int64)
    for back in range(order, -1, -1):
        key = key * n_ids + wide[order - back : max(wide.size - back, order - back)]
    return key


def _looked_up(known: NDArray[np.int64], values: NDArray[np.number], wanted: Ids) -> NDArray[np.float64]:
    """The value of each wanted key; 0 if it is not known. `known` is sorted."""
    if not known.size:
        return np.zeros(np.shape(wanted))
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    return np.where(known[place] == wanted, values[place], 0.0)
