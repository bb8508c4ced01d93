"""Dropout with cheap random numbers: a hash of (seed, position). On a CPU, Keras' own takes most of a step.

The masks need only look random: a 32-bit finaliser (Appleby's MurmurHash3) of each element's index,
mixed with the seed, is good enough and takes one nanosecond per element.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class Dropout(keras.layers.Layer):
    """Sets a share `rate` of the inputs to 0 while training, and scales the others up (Srivastava et al., 2014).

    The seed is a SeedGenerator's state, as in Keras' layers; `loops.training_loop` puts one of its own in its place.
    """

    def __init__(self, rate: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(1) if rate else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.seed_generator is None:
            return inputs
        kept = hashed(self.seed_generator.next(), self._dropped(inputs.shape)) >= _constant(int(self.rate * 2**32))
        return ops.where(kept, inputs / (1.0 - self.rate), 0.0)

    def _dropped(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what is dropped independently."""
        return shape


class WholeDropout(Dropout):
    """The same for whole vectors along the last axis: an input is there or it is not."""

    def _dropped(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 1)


def hashed(seed: Any, shape: tuple[int, ...]) -> Any:
    """Uniform uint32 numbers of this shape, a function of the two numbers of `seed`."""
    seed = ops.cast(seed, "uint32")
    x = ops.cast(ops.reshape(ops.arange(math.prod(shape), dtype="int32"), shape), "uint32")
    for stir in (seed[0], seed[1]):
        x = ops.bitwise_xor(x * _constant(0x9E3779B1), stir * _constant(0x85EBCA77) + _constant(0x165667B1))
        x = ops.bitwise_xor(x, ops.right_shift(x, _constant(16))) * _constant(0x85EBCA6B)
        x = ops.bitwise_xor(x, ops.right_shift(x, _constant(13))) * _constant(0xC2B2AE35)
        x = ops.bitwise_xor(x, ops.right_shift(x, _constant(16)))
    return x


def _constant(value: int) -> Any:
    return ops.convert_to_tensor(value, "uint32")
