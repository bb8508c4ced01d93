"""Floors of sound as levels: bits per sample by counting, with a context of no, one or two samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.floors.counting import CountedMemory, as_keys

STRENGTHS = np.logspace(-1, 5, 25)
Ids = NDArray[np.integer]


def ngram_bits(training: Sequence[Ids], validation: Sequence[Ids], levels: int) -> dict[str, float]:
    """`unigram`, `order_1` and `order_2` in bits per sample of the validation music, past its first two samples.

    A network above order_2 has learned no more than how one sample follows the two before it.

    Args:
        training, validation: series of levels 0 … levels - 1, each (n_samples,); no triple crosses from one to another.

    Raises:
        InvalidInput: one side has no series of at least three samples.
    """
    training, validation = ([each for each in side if each.size > 2] for side in (training, validation))
    if not training or not validation:
        raise InvalidInput(sentence("Counting needs at least three samples in a row", "shorter series"))
    wanted, found = np.concatenate([as_keys(each, levels, 2) for each in validation]), {}
    memory: CountedMemory | None = None
    for name in ("unigram", "order_1", "order_2"):
        memory = CountedMemory(training, levels, STRENGTHS, memory)
        found[name] = float(-np.log2(memory.probability(wanted)).mean())
    return found
