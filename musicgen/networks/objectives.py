"""The objective of a training and the type of its compiled loops, shared by all frameworks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import keras, ops

Loop = Callable[[Arrays, int, int], NDArray[np.float32]]


@dataclass(frozen=True)
class Objective:
    """What a training minimises and reports.

    Attributes:
        sums: (model, batch, training) → float32 (len(names) + 1,): sums over the batch, one for each name (the first
            is minimised), and the weight by which they are divided to give means.
        names: the one called `loss` is reported as the loss.
    """

    sums: Callable[[keras.Model, dict[str, Any], bool], Any]
    names: tuple[str, ...] = ("loss",)

    @property
    def n_sums(self) -> int:
        return len(self.names) + 1


def seeded(model: keras.Model, seed: Any) -> list[tuple[Any, Any]]:
    """Dropout seeds of this step, in place of the layers' own counters."""
    weights = {id(variable) for variable in model.weights}
    counters = [variable for variable in model.variables if id(variable) not in weights]
    return [
        (variable, ops.cast(ops.stack([seed, ops.convert_to_tensor(number, "int32")]), variable.dtype))
        for number, variable in enumerate(counters)
    ]
