"""What both networks of voices share: logits by interval, and parts of a layer's output by voice."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musicgen.approaches.voices.sizes import LEAPS


class Split(keras.layers.Layer):
    """(…, a · b) → (…, a, b)."""

    def __init__(self, shape: tuple[int, int], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.shape = shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], *self.shape)

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (*inputs.shape[:-1], *self.shape))


def is_pitch(ids: Any, values: int) -> Any:
    """Whether ids are pitches: neither a rest nor nothing."""
    return ops.logical_and(ids > 0, ids < values)


def from_anchor(steps: Any, anchor: Any, values: int) -> Any:
    """Logits by interval (…, shifted) → logits of ids (…, values): id i gets that of the interval i - anchor; all 0 if
    the anchor (…,) is no pitch.

    The numbers are shifted by each binary digit of the distance in turn: on a processor, many times faster than
    gathering them, above all backwards."""
    digits = (values - 1).bit_length()
    distance = values - 1 - ops.clip(anchor, 0, values - 1)
    for digit in reversed(range(digits)):
        width = steps.shape[-1] - (1 << digit)
        is_set = ops.expand_dims(distance // (1 << digit) % 2 > 0, -1)
        steps = ops.where(is_set, steps[..., (1 << digit) :], steps[..., :width])
    return ops.where(ops.expand_dims(is_pitch(anchor, values), -1), steps, 0.0)


def leap(note: Any, own: Any, values: int) -> Any:
    """Class of the interval (…,) between two ids; the last class if one of them is no pitch."""
    both = ops.logical_and(is_pitch(note, values), is_pitch(own, values))
    return ops.where(both, ops.clip(note - own, -LEAPS, LEAPS) + LEAPS, 2 * LEAPS + 1)
