"""Floors of sound as levels, in bits per sample: by counting, with a context of no, one or two samples, and by linear
prediction where the network is told it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.crops import CropExamples
from musicgen.approaches.audio_wavenet.forecasts import level_nats
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.counting import CountedMemory, as_keys

MOST_CROPS, MOST_COUNTED = 64, 100_000  # crops, and samples of them, evenly spread
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


def forecast_bits(examples: CropExamples) -> float:
    """What the forecast alone would cost: a network that has learned nothing yet says the same."""
    number = np.linspace(0, examples.n_examples - 1, min(MOST_CROPS, examples.n_examples)).astype(np.int64)
    every = max(1, len(number) * examples.crop_length // MOST_COUNTED)
    nats = []
    for one in number:
        arrays = examples.gather(np.array([one]), None)
        told = arrays["forecast"][0, -examples.crop_length :]
        nats.append(level_nats(arrays["target"][0, ::every], told[::every]))
    return float(np.concatenate(nats).mean() / np.log(2.0))
