"""Keeping what is random as it was: for work inside a training that must not change what is learned.

Trainings here draw all random numbers from their seed and their position. The generators of Python, NumPy and the
framework are kept all the same, for approaches and libraries that draw from them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

KERAS_STATE = "keras.src.backend.common.global_state"
TENSORFLOW_STATE = "tensorflow.python.eager.context"
KERAS_SEED = "global_seed_generator"


@contextmanager
def unchanged_randomness() -> Iterator[None]:
    """What is drawn after this block is as if it had not been there. A framework that is not loaded has no state."""
    python, numpy = random.getstate(), np.random.get_state()
    keras, tensorflow = _keras_state(), _tensorflow_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        _restore_keras(keras)
        if tensorflow is not None:
            tensorflow[0].setstate(tensorflow[1])


def _keras_state() -> tuple[Any, Any] | None:
    """Keras' own generator and its state; None if there is none yet."""
    if (module := sys.modules.get(KERAS_STATE)) is None:
        return None
    generator = module.get_global_attribute(KERAS_SEED)
    return None if generator is None else (generator, np.array(generator.state))


def _restore_keras(before: tuple[Any, Any] | None) -> None:
    if (module := sys.modules.get(KERAS_STATE)) is None:
        return
    if before is not None:
        before[0].state.assign(before[1])
    module.set_global_attribute(KERAS_SEED, before and before[0])


def _tensorflow_state() -> tuple[random.Random, Any] | None:
    """TensorFlow's generator of seeds for operations, if a seed was set."""
    if (module := sys.modules.get(TENSORFLOW_STATE)) is None:
        return None
    generator = getattr(module.context(), "_rng", None)
    return (generator, generator.getstate()) if isinstance(generator, random.Random) else None
