"""Data parallelism: the devices that training steps are spread over, and how a batch is split.

Every device has the same weights and computes its part of each batch; the gradients are summed. Knows no framework: a
device is whatever the framework calls one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musicgen.codecs.examples import Arrays

ALL_GPUS = "gpu:all"

_devices: tuple[Any, ...] = ()


def spread_over(devices: Sequence[Any]) -> None:
    """Loops made from now on use these devices; the first holds the weights. One or none: nothing is spread."""
    global _devices
    _devices = tuple(devices) if len(devices) > 1 else ()


def spread_devices() -> tuple[Any, ...]:
    """The devices that steps are spread over if there are several; else ()."""
    return _devices


def padded(arrays: Arrays, parts: int) -> Arrays:
    """Batches (n_steps, batch_size, …) padded with examples of weight 0 so that `parts` divides them."""
    missing = -arrays["weight"].shape[1] % parts
    if not missing:
        return arrays
    return {name: np.pad(array, [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)]) for name, array in arrays.items()}
