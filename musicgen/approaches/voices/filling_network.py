"""The network that fills in: from the notes that are there, whichever they are, to those that are hidden.

Blocks of dilated convolutions over the steps, separable into one part along time for each channel and one across
channels at each step; they look both ways. Trained on windows with random cells hidden, it has learned every order of
filling in at once (Uria et al., A deep and tractable density estimator, ICML 2014; Huang et al., Counterpoint by
convolution, ISMIR 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.voices.shared_network import Split, from_anchor, leap
from musicgen.approaches.voices.sizes import KERNEL, VoiceSizes
from musicgen.networks.dropout import Dropout

DILATIONS = (1, 2, 4, 8, 16)
INITIAL = 0.2  # spread of the vectors at the start: their sum is as large as what the blocks add to it
FARTHEST = 9  # nearest notes are looked for up to 2^9 - 1 steps away


class AlongTime(keras.layers.Layer):
    """A convolution along time for each channel alone, (batch, steps, channels) → the same, looking both ways.

    Written as a sum of shifted inputs: on a processor, compiled grouped convolutions are far slower."""

    def __init__(self, dilation: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.dilation = dilation

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(KERNEL, input_shape[-1]), name="kernel", initializer="glorot_uniform")
        self.bias = self.add_weight(shape=(input_shape[-1],), name="bias", initializer="zeros")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def call(self, inputs: Any) -> Any:
        side, steps = self.dilation * (KERNEL // 2), ops.shape(inputs)[1]
        padded = ops.pad(inputs, [(0, 0), (side, side), (0, 0)])
        taps = [
            padded[:, tap * self.dilation : tap * self.dilation + steps] * self.kernel[tap] for tap in range(KERNEL)
        ]
        return sum(taps[1:], taps[0]) + self.bias


class FillingLayers:
    """The layers by name, for training and for filling in."""

    def __init__(self, sizes: VoiceSizes, model: keras.Model | None = None) -> None:
        self.sizes = sizes
        self._model = model

    def _layer(self, name: str, make: Any) -> Any:
        return self._model.get_layer(name) if self._model is not None else make()

    def __call__(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays about steps, shapes (batch, steps, voices): ids, struck, hidden (what of these is not to be seen);
        place, bar, near (batch, steps) → logits `filled` (batch, steps, voices, values), `filled_again`."""
        sizes, near = self.sizes, _nearest(told["ids"], told["hidden"], self.sizes.nothing)
        x = self._dropout("see_dropout", self._seen(told, near))
        for number in range(sizes.depth):
            x = x + self._block(number, x)
        x = self._layer("filled_norm", lambda: keras.layers.LayerNormalization(name="filled_norm"))(x)
        x = self._dropout("filled_dropout", x)
        views = self._layer("filled_views", lambda: keras.layers.Dense(sizes.voices * sizes.head, name="filled_views"))(
            x
        )
        views = self._layer("by_cell", lambda: Split((sizes.voices, sizes.head), name="by_cell"))(views)
        hidden = ops.relu(
            views + self._table("filled_told", sizes.filled_told, sizes.head, self._cells_told(told, near))
        )
        width = sum(sizes.filled_parts)
        made = self._layer("filled", lambda: keras.layers.Dense(width, name="filled"))(
            self._dropout("filled_told_dropout", hidden)
        )
        notes, by_before, likely, *again = ops.split(made, np.cumsum(sizes.filled_parts)[:-1].tolist(), axis=-1)
        notes = notes + from_anchor(by_before, near[0], sizes.values)
        for side, guess in enumerate(near):
            notes = notes + likely[..., side : side + 1] * ops.one_hot(guess, sizes.values, dtype="float32")
        return {"filled": notes, **({"filled_again": again[0][..., 0]} if again else {})}

    def _seen(self, told: Mapping[str, Any], near: Sequence[Any]) -> Any:
        cells = ops.where(told["hidden"] > 0, 2 * self.sizes.values, 2 * told["ids"] + told["struck"])
        ids: Sequence[Any] = [cells[..., voice] for voice in range(self.sizes.voices)]
        ids = [*ids, *(side[..., voice] for side in near for voice in range(self.sizes.voices))]
        ids = [*ids, told["place"], told["bar"], told["near"]]
        return self._table("see", self.sizes.seen, self.sizes.channels, ids)

    def _cells_told(self, told: Mapping[str, Any], near: Sequence[Any]) -> list[Any]:
        """What is told of each cell, (batch, steps, voices) each: see sizes.filled_told."""
        sizes, before = self.sizes, near[0]
        there = ops.where(told["hidden"] > 0, sizes.nothing, told["ids"])
        last = Shifted(sizes.nothing)(there)
        ids = [ops.zeros_like(there) + np.arange(sizes.voices, dtype=np.int32), *near]
        for distance in range(1, sizes.voices):
            others = (np.arange(sizes.voices) + distance) % sizes.voices
            note, earlier = ops.take(there, others, axis=-1), ops.take(last, others, axis=-1)
            ids += [note, *(leap(*pair, sizes.values) for pair in ((note, before), (earlier, before), (note, earlier)))]
        return ids

    def _table(self, name: str, sizes: Sequence[int], width: int, ids: Sequence[Any]) -> Any:
        """The sum of a learned vector for each of the ids (…,)."""
        firsts = np.cumsum([0, *sizes[:-1]]).tolist()
        start = keras.initializers.RandomNormal(0, INITIAL)
        table = self._layer(
            name, lambda: keras.layers.Embedding(sum(sizes), width, embeddings_initializer=start, name=name)
        )
        return ops.sum(table(ops.stack([each + first for each, first in zip(ids, firsts, strict=True)], axis=-1)), -2)

    def _block(self, number: int, x: Any) -> Any:
        name, dilation = f"fill_{number + 1}", DILATIONS[number % len(DILATIONS)]
        x = self._layer(f"{name}_norm", lambda: keras.layers.LayerNormalization(name=f"{name}_norm"))(x)
        x = self._layer(f"{name}_time", lambda: AlongTime(dilation, name=f"{name}_time"))(x)
        x = self._dropout(f"{name}_dropout", ops.relu(x))
        return self._layer(f"{name}_dense", lambda: keras.layers.Dense(self.sizes.channels, name=f"{name}_dense"))(x)

    def _dropout(self, name: str, x: Any) -> Any:
        return self._layer(name, lambda: Dropout(self.sizes.dropout, name=name))(x)


def _nearest(ids: Any, hidden: Any, nothing: int) -> tuple[Any, Any]:
    """The nearest notes of each voice that are not hidden, before (or at) and after each cell, (batch, steps, voices);
    `nothing` where there is none."""
    seen = ops.where(hidden > 0, nothing, ids)
    return _carried(seen, nothing), ops.flip(_carried(ops.flip(seen, axis=1), nothing), axis=1)


def _carried(ids: Any, nothing: int) -> Any:
    """Each cell that is `nothing` gets the last one before it that is not: from 1, 2, 4 … steps before in turn."""
    for power in range(FARTHEST):
        ids = Earlier(1 << power, nothing)(ids)
    return ids


class Earlier(keras.layers.Layer):
    """Ids (batch, steps, voices): where there is `nothing`, what is there `distance` steps before."""

    def __init__(self, distance: int, nothing: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.distance, self.nothing = distance, nothing

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def call(self, inputs: Any) -> Any:
        padding = [(0, 0), (self.distance, 0), (0, 0)]
        earlier = ops.pad(inputs, padding, constant_values=self.nothing)[:, : inputs.shape[1]]
        return ops.where(inputs == self.nothing, earlier, inputs)


class Shifted(keras.layers.Layer):
    """Ids (batch, steps, voices) of the step before; `nothing` at the first."""

    def __init__(self, nothing: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.nothing = nothing

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def call(self, inputs: Any) -> Any:
        return ops.pad(inputs, [(0, 0), (1, 0), (0, 0)], constant_values=self.nothing)[:, :-1]
