"""What both networks of voices share: learned vectors of facts, logits by interval, and tables of two voices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musicgen.approaches.voices.sizes import COUNTED, LEAPS, STRETCHES, TONES, TONES_REACH, VoiceSizes

LEAST_SHARE = 0.1  # of a tone, 1 on average, below which it is as good as never heard
NO_INTERVAL = TONES  # the class of an interval that one of the voices does not make


class Split(keras.layers.Layer):
    """(…, a · b) → (…, a, b)."""

    def __init__(self, shape: tuple[int, int], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.shape = shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], *self.shape)

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (*ops.shape(inputs)[:-1], *self.shape))


def firsts(sizes: Sequence[int]) -> NDArray[np.int32]:
    """Where the ids of each fact begin in a table that has them one after the other."""
    return np.cumsum([0, *sizes[:-1]]).astype(np.int32)


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


class ToneShares(keras.layers.Layer):
    """Counts of each tone (…, STRETCHES, TONES) → what the network is told of them, (…, COUNTED): shares, 1 on average,
    then their logarithms; all 0 where nothing was counted."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-2], COUNTED)

    def call(self, tones: Any) -> Any:
        total = ops.sum(tones, axis=-1, keepdims=True)
        shares = TONES * tones / ops.maximum(total, 1.0)
        told = ops.concatenate([shares, ops.log(shares + LEAST_SHARE)], axis=-2)
        told = ops.where(ops.concatenate([total, total], axis=-2) > 0, told, 0.0)
        return ops.reshape(told, (*ops.shape(tones)[:-2], COUNTED))


class TonesAround(keras.layers.Layer):
    """How often each tone of the octave is there, of cells (…, steps, voices) that may be hidden: counts (…, steps,
    STRETCHES, TONES) in all steps, and in those at most TONES_REACH before or after each."""

    def __init__(self, values: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.values = values

    def compute_output_spec(self, ids: Any, hidden: Any) -> Any:
        return keras.KerasTensor((*ids.shape[:-1], STRETCHES, TONES), "float32")

    def call(self, ids: Any, hidden: Any) -> Any:
        is_there = ops.cast(ops.logical_and(is_pitch(ids, self.values), hidden == 0), "float32")
        counts = ops.sum(ops.one_hot(ids % TONES, TONES, dtype="float32") * is_there[..., None], axis=-2)
        steps = ops.shape(counts)[-2]
        sides = [(0, 0)] * (len(counts.shape) - 2)
        so_far = ops.cumsum(ops.pad(counts, [*sides, (TONES_REACH + 1, TONES_REACH), (0, 0)]), axis=-2)
        near = so_far[..., 2 * TONES_REACH + 1 :, :] - so_far[..., :steps, :]
        return ops.stack([ops.zeros_like(counts) + so_far[..., -1:, :], near], axis=-2)


class KeyFit(keras.layers.Layer):
    """Logits of every pitch that a voice may sing, from how well it fits the tones heard elsewhere.

    The weights are by voice and by interval from the pitch, so that one key teaches all others."""

    def __init__(self, sizes: VoiceSizes, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sizes = sizes

    def build(self, *input_shapes: Any) -> None:
        self.kernel = self.add_weight(shape=(COUNTED, self.sizes.voices), name="kernel", initializer="zeros")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.sizes.voices, self.sizes.values)

    def call(self, told: Any) -> Any:
        """`told`: see `ToneShares`. Logits (…, voices, values), the voices in the order of the layer's weights; 0 for a
        rest."""
        tones, shares = np.arange(TONES), ops.reshape(told, (*ops.shape(told)[:-1], COUNTED // TONES, TONES))
        # [tone of the pitch, interval upwards from it]
        moved = ops.take(shares, ((tones[:, None] + tones) % TONES).reshape(-1).tolist(), axis=-1)
        moved = ops.reshape(moved, (*ops.shape(shares)[:-1], TONES, TONES))
        moved = ops.reshape(ops.moveaxis(moved, -3, -2), (*ops.shape(shares)[:-2], TONES, COUNTED))
        by_tone = ops.swapaxes(ops.matmul(moved, self.kernel), -1, -2)  # (…, voices, TONES)
        repeated = ops.concatenate([by_tone] * -(-self.sizes.values // TONES), axis=-1)[..., : self.sizes.values]
        return repeated * ops.convert_to_tensor(np.arange(self.sizes.values) > 0, "float32")


class PairTables(keras.layers.Layer):
    """Logits of every pitch that a voice may sing, from how it would go with each other voice.

    For each pair of voices, two tables are learned: by the interval at an earlier (or later) moment and the interval
    that the pitch would make now, both within the octave, and by whether the two voices move meanwhile; and by the
    interval itself. So parallel fifths and octaves, crossing and spacing are each a number that can be learned."""

    def __init__(self, sizes: VoiceSizes, moments: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sizes, self.moments = sizes, moments

    def build(self, *input_shapes: Any, **named: Any) -> None:
        rows = self.moments * self.sizes.pairs * 4 * (TONES + 1)
        # The voice moves, and stays: by the class of the new interval each.
        self.motion = self.add_weight(shape=(rows, 2 * TONES), name="motion", initializer="zeros")
        self.spacing = self.add_weight(
            shape=(self.sizes.pairs, 2 * self.sizes.values - 1), name="spacing", initializer="zeros"
        )

    def compute_output_spec(self, pair: Any, others: Any, own_then: Any, others_then: Any, is_beat: Any) -> Any:
        return keras.KerasTensor((*others.shape[:-1], self.sizes.values), "float32")

    def call(self, pair: Any, others: Any, own_then: Any, others_then: Any, is_beat: Any) -> Any:
        """Logits (…, voices, values).

        Args:
            pair: number of each pair, (…, voices, others). others: ids of the other voices now, `nothing` if they are
            not known. own_then: ids at other moments, (…, voices, moments). others_then: the same of the others,
            (…, voices, others, moments). is_beat: whether now is on the beat, (…, 1, 1, 1).
        """
        values, sung = self.sizes.values, is_pitch(others, self.sizes.values)
        before = own_then[..., None, :]
        both = ops.logical_and(is_pitch(before, values), is_pitch(others_then, values))
        then = ops.where(both, (others_then - before) % TONES, NO_INTERVAL)
        moved = ops.cast(others[..., None] != others_then, "int32")
        row = ops.arange(self.moments) * self.sizes.pairs + pair[..., None]
        found = ops.take(self.motion, ((row * 2 + is_beat) * 2 + moved) * (TONES + 1) + then, axis=0)
        found = ops.where(sung[..., None, None], found, 0.0)
        logits = self._moving(ops.sum(found[..., :TONES], axis=-2), others)
        logits = logits + self._staying(found[..., TONES:], others, own_then)
        return logits + self._spaced(pair, others, sung)

    def _moving(self, found: Any, others: Any) -> Any:
        """(…, voices, others, TONES) by interval → logits of every pitch, whichever the octave."""
        tones = np.arange(TONES, dtype=np.int32)
        interval = (others[..., None, None] - tones[:, None] - tones) % TONES  # 0 where tone j is k below the other
        by_tone = ops.sum(ops.where(interval == 0, found[..., None, :], 0.0), axis=(-3, -1))
        repeated = ops.concatenate([by_tone] * -(-self.sizes.values // TONES), axis=-1)[..., : self.sizes.values]
        return repeated * ops.convert_to_tensor(np.arange(self.sizes.values) > 0, "float32")

    def _staying(self, found: Any, others: Any, own_then: Any) -> Any:
        """The same for the pitch that the voice had at each moment, if it has it now."""
        interval = (others[..., None] - own_then[..., None, :]) % TONES
        stays = ops.sum(ops.one_hot(interval, TONES, dtype="float32") * found, axis=(-3, -1))  # (…, voices, moments)
        stays = ops.where(is_pitch(own_then, self.sizes.values), stays, 0.0)
        return ops.sum(ops.one_hot(own_then, self.sizes.values, dtype="float32") * stays[..., None], axis=-2)

    def _spaced(self, pair: Any, others: Any, sung: Any) -> Any:
        values, pairs = self.sizes.values, self.sizes.pairs
        # Row a, column i of a pair: its number for the interval i - a. Repeated and cut into rows that are one shorter,
        # each row begins one later.
        repeated = ops.concatenate([ops.convert_to_tensor(self.spacing)] * values, axis=1)
        rows = ops.reshape(repeated[:, : values * (2 * values - 2)], (pairs, values, -1))[..., :values]
        rows = ops.reshape(rows, (pairs * values, values))
        found = ops.take(rows, pair * values + ops.clip(others, 0, values - 1), axis=0)
        return ops.sum(ops.where(sung[..., None], found, 0.0), axis=-2)
