"""Floors of sound as levels: bits per sample of counting, with a memory of no, one or two samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence

STRENGTHS = np.logspace(-1, 5, 25)
Ids = NDArray[np.integer]


def ngram_bits(training: Sequence[Ids], validation: Sequence[Ids], levels: int) -> dict[str, float]:
    """`unigram`, `order_1` and `order_2` in bits per sample of the validation music, past its first two samples.

    A network above order_2 has not learned more than how one sample follows the two before it.

    Args:
        training, validation: stretches of levels 0 … levels - 1, each (n_samples,); no triple crosses stretches.

    Raises:
        InvalidInput: no stretch of three samples or more on either side.
    """
    training, validation = ([each for each in side if each.size > 2] for side in (training, validation))
    if not training or not validation:
        raise InvalidInput(sentence("Counting samples takes a stretch of three or more", "shorter ones"))
    wanted, found = np.concatenate([_keys(each, levels, 2) for each in validation]), {}
    memory: _Memory | None = None
    for order, name in enumerate(("unigram", "order_1", "order_2")):
        memory = _Memory([_keys(each, levels, order) for each in training], levels, order, memory)
        found[name] = float(-np.log2(memory.probability(wanted)).mean())
    return found


class _Memory:
    """How likely a sample is after the `order` before it, by counting; what was seldom seen falls back on the shorter
    memory in proportion (MacKay and Peto, A hierarchical Dirichlet language model, 1995)."""

    def __init__(self, keys: Sequence[Ids], levels: int, order: int, shorter: _Memory | None) -> None:
        self.levels, self.order, self.shorter = levels, order, shorter
        self.keys, self.counts = np.unique(np.concatenate(keys), return_counts=True)
        self.contexts, place = np.unique(self.keys // levels, return_inverse=True)
        self.totals = np.bincount(place, weights=self.counts)
        fallback, totals = self._fallback(self.keys, 1), self.totals[place]
        # The strength that best predicts each sample of the training music from all the others.
        likelihood = [
            self.counts @ np.log((self.counts - 1 + each * fallback) / (totals - 1 + each)) for each in STRENGTHS
        ]
        self.strength = STRENGTHS[int(np.argmax(likelihood))]

    def probability(self, keys: Ids, left_out: int = 0) -> NDArray[np.float64]:
        """Of the last sample of each key; keys may be longer than this memory.

        `left_out`: 1 for keys of the training music itself, each of which is then predicted from all the others.
        """
        keys = keys % self.levels ** (self.order + 1)
        seen = _looked_up(self.keys, self.counts, keys) - left_out
        total = _looked_up(self.contexts, self.totals, keys // self.levels) - left_out
        return (seen + self.strength * self._fallback(keys, left_out)) / (total + self.strength)

    def _fallback(self, keys: Ids, left_out: int) -> NDArray[np.float64]:
        if self.shorter is None:
            return np.full(keys.shape, 1.0 / self.levels)
        return self.shorter.probability(keys, left_out)


def _keys(ids: Ids, levels: int, order: int) -> NDArray[np.int64]:
    """Each sample with the `order` before it as one number."""
    wide = ids.astype(np.int64)
    key = np.zeros(wide.size - order, dtype=np.int64)
    for back in range(order, -1, -1):
        key = key * levels + wide[order - back : wide.size - back]
    return key


def _looked_up(known: NDArray[np.int64], values: NDArray[np.number], wanted: Ids) -> NDArray[np.float64]:
    """The value of each wanted key; 0 where it is not known. `known` is sorted."""
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    return np.where(known[place] == wanted, values[place], 0.0)
