"""The network that fills in: which pitch a hidden note has, from all the notes around it.

Blocks of dilated convolutions over the steps, separable into one part along time for each channel and one across
channels at each step; they look both ways. Trained on windows with random notes hidden, it says of any note what it
could be instead (Uria et al., A deep and tractable density estimator, ICML 2014; Huang et al., Counterpoint by
convolution, ISMIR 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.voices.shared_network import (
    KeyFit,
    PairTables,
    Split,
    TonesAround,
    ToneShares,
    firsts,
    from_anchor,
    leap,
)
from musicgen.approaches.voices.sizes import KERNEL, MOMENTS_AROUND, VoiceSizes
from musicgen.networks.dropout import Dropout

DILATIONS = (1, 2, 4, 8, 16)
INITIAL = 0.2  # spread of the vectors at the start: their sum is as large as what the blocks add to it


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

    def __call__(self, told: Mapping[str, Any]) -> Any:
        """Arrays about steps, shapes (batch, steps, voices): ids, struck, hidden (what of these is not to be seen),
        before, after and (…, MOMENTS_AROUND) then, see `examples.surroundings`; place, bar, near, is_beat (batch,
        steps) → logits (batch, steps, voices, values)."""
        sizes = self.sizes
        tones = self._tones(told) if sizes.counts_tones else None
        x = self._dropout("see_dropout", self._seen(told, tones))
        for number in range(sizes.depth):
            x = x + self._block(number, x)
        x = self._layer("filled_norm", lambda: keras.layers.LayerNormalization(name="filled_norm"))(x)
        x = self._dropout("filled_dropout", x)
        views = self._layer("filled_views", lambda: keras.layers.Dense(sizes.voices * sizes.head, name="filled_views"))
        split = self._layer("by_cell", lambda: Split((sizes.voices, sizes.head), name="by_cell"))
        cells = _Cells(sizes, told)
        hidden = self._dropout("filled_told_dropout", ops.relu(split(views(x)) + self._told(cells)))
        width = sum(sizes.filled_parts)
        made = self._layer("filled", lambda: keras.layers.Dense(width, name="filled"))(hidden)
        notes, by_before, by_after, likely = ops.split(made, np.cumsum(sizes.filled_parts)[:-1].tolist(), axis=-1)
        by_interval = from_anchor(
            ops.stack([by_before, by_after], axis=-2), ops.stack([told["before"], told["after"]], axis=-1), sizes.values
        )
        notes = notes + ops.sum(by_interval, axis=-2)
        for side, name in enumerate(("before", "after")):
            guess = ops.one_hot(told[name], sizes.values, dtype="float32")
            notes = notes + likely[..., side : side + 1] * guess
        if tones is not None:
            notes = notes + self._layer("filled_key", lambda: KeyFit(sizes, name="filled_key"))(tones)
        together = self._layer("filled_together", lambda: PairTables(sizes, MOMENTS_AROUND, name="filled_together"))
        return notes + together(
            cells.pair, cells.note, told["then"], cells.then, told["is_beat"][..., None, None, None]
        )

    def _tones(self, told: Mapping[str, Any]) -> Any:
        """What is told of the tones that are there, (batch, steps, COUNTED): see `ToneShares`."""
        around = self._layer("tones_around", lambda: TonesAround(self.sizes.values, name="tones_around"))
        shares = self._layer("filled_tone_shares", lambda: ToneShares(name="filled_tone_shares"))
        return shares(around(told["ids"], told["hidden"]))

    def _seen(self, told: Mapping[str, Any], tones: Any) -> Any:
        sizes = self.sizes
        cells = ops.where(told["hidden"] > 0, 2 * sizes.values, 2 * told["ids"] + told["struck"])
        place = ops.stack([told["place"], told["bar"], told["near"]], axis=-1)
        ids = ops.concatenate([cells, told["before"], told["after"], place], axis=-1)
        found = ops.sum(self._table("see", sizes.seen, sizes.channels)(ids + firsts(sizes.seen)), axis=-2)
        if tones is None:
            return found
        make = keras.layers.Dense
        dense = self._layer("see_tones", lambda: make(sizes.channels, use_bias=False, name="see_tones"))
        return found + dense(tones)

    def _told(self, cells: _Cells) -> Any:
        """The sum of the vectors of what is told of each cell, (batch, steps, voices, head)."""
        sizes = self.sizes
        names = [*sizes.filled_own, *sizes.filled_others * (sizes.voices - 1)]
        first, n_own = firsts(names), len(sizes.filled_own)
        table = self._table("filled_told", names, sizes.head)
        others = np.reshape(first[n_own:], (sizes.voices - 1, -1))
        return ops.sum(table(cells.about_own + first[:n_own]), axis=-2) + ops.sum(
            table(cells.about_others + others), axis=(-3, -2)
        )

    def _table(self, name: str, sizes: Sequence[int], width: int) -> Any:
        start = keras.initializers.RandomNormal(0, INITIAL)
        return self._layer(
            name, lambda: keras.layers.Embedding(sum(sizes), width, embeddings_initializer=start, name=name)
        )

    def _block(self, number: int, x: Any) -> Any:
        name, dilation = f"fill_{number + 1}", DILATIONS[number % len(DILATIONS)]
        x = self._layer(f"{name}_norm", lambda: keras.layers.LayerNormalization(name=f"{name}_norm"))(x)
        x = self._layer(f"{name}_time", lambda: AlongTime(dilation, name=f"{name}_time"))(x)
        x = self._dropout(f"{name}_dropout", ops.relu(x))
        return self._layer(f"{name}_dense", lambda: keras.layers.Dense(self.sizes.channels, name=f"{name}_dense"))(x)

    def _dropout(self, name: str, x: Any) -> Any:
        return self._layer(name, lambda: Dropout(self.sizes.dropout, name=name))(x)


class _Cells:
    """Each cell beside the other voices.

    Attributes:
        note: ids of the others now, (batch, steps, voices, others), `nothing` where hidden. then: at other moments,
        (…, MOMENTS_AROUND). pair: the numbers of these pairs. about_own, about_others: ids of the facts of
        sizes.filled_own and filled_others, (batch, steps, voices, facts) and (…, others, facts).
    """

    def __init__(self, sizes: VoiceSizes, told: Mapping[str, Any]) -> None:
        n_others = sizes.voices - 1
        # The others of each voice: the next lower one first, around to the next higher one.
        others = (np.arange(sizes.voices)[:, None] + np.arange(1, sizes.voices)) % sizes.voices
        there = ops.where(told["hidden"] > 0, sizes.nothing, told["ids"])
        before = told["before"][..., None]
        self.note = ops.take(there, others, axis=-1)
        self.then = ops.take(told["then"], others, axis=-2)
        pairs = np.arange(sizes.voices)[:, None] * n_others + np.arange(n_others)
        self.pair = ops.zeros_like(self.note) + ops.convert_to_tensor(pairs, "int32")
        number = ops.zeros_like(there) + ops.convert_to_tensor(np.arange(sizes.voices), "int32")
        self.about_own = ops.stack([number, told["before"], told["after"]], axis=-1)
        earlier = self.then[..., 0]
        intervals = ((self.note, before), (earlier, before), (self.note, earlier))
        self.about_others = ops.stack([self.note, *(leap(*pair, sizes.values) for pair in intervals)], axis=-1)
