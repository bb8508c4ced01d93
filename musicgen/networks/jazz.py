"""The jazz network: the word before (and where in the measure the next one stands) → LSTM → how likely each word is.

Knows ids and places, no music. Without extras it is the authors' network: one-hot words, LSTM(64), softmax; their
thirty unrolled steps with shared layers are the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from musicgen.networks.backend import Objective
from musicgen.networks.dropout import Dropout
from musicgen.networks.jazz_sizes import MEASURES_OF_A_PHRASE, STEPS, JazzSizes
from musicgen.networks.recurrent import LSTM
from musicgen.networks.training import Recipe


def build_jazz_network(sizes: JazzSizes) -> keras.Model:
    """(batch, steps) ids of the words before, (batch, steps, 2) places → logits (batch, steps, vocabulary)."""
    words, places = keras.Input((None,), dtype="int32"), keras.Input((None, 2), dtype="int32")
    features = Features(sizes, name="features")
    x = features([words, places])
    x = Dropout(sizes.dropout, name="dropout_0")(x) if sizes.embedding else x
    for number in range(1, sizes.num_layers + 1):
        x = LSTM(sizes.units, name=f"lstm_{number}")(x)
        x = Dropout(sizes.dropout, name=f"dropout_{number}")(x)
    return keras.Model([words, places], keras.layers.Dense(sizes.vocabulary_size, name="logits")(x))


class Features(keras.layers.Layer):
    """Ids and places → vectors: one-hot words (zeros for none) or their embedding, and one-hot places."""

    def __init__(self, sizes: JazzSizes, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sizes = sizes

    def build(self, input_shape: Any) -> None:
        if self.sizes.embedding:
            shape = (self.sizes.vocabulary_size, self.sizes.embedding)
            self.table = self.add_weight(shape=shape, name="table", initializer="glorot_uniform")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[0], self.sizes.features)

    def call(self, inputs: Any) -> Any:
        words, places = inputs
        x = ops.one_hot(words, self.sizes.vocabulary_size)
        if self.sizes.embedding:
            x = ops.matmul(x, self.table)
        if not self.sizes.beats:
            return x
        step, measure = places[..., 0], places[..., 1]
        beat = ops.one_hot(ops.floor_divide(step, STEPS), self.sizes.beats)
        within = ops.one_hot(ops.mod(step, STEPS), STEPS)
        phrase = ops.one_hot(ops.mod(measure, MEASURES_OF_A_PHRASE), MEASURES_OF_A_PHRASE)
        return ops.concatenate([x, beat, within, phrase], axis=-1)


def _jazz_sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    logits = model([batch["inputs"], batch["places"]], training=training)
    nats = keras.losses.sparse_categorical_crossentropy(batch["target"], logits, True)
    is_right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(batch["target"], "int64")), "float32")
    known = batch["known"] * batch["weight"][:, None]
    total, per_window = ops.sum(known * nats), ops.sum(known) / ops.maximum(ops.sum(batch["weight"]), 1.0)
    return ops.stack([total, ops.sum(known * is_right), total * per_window, ops.sum(known)])


# Nats per word; summed_loss: over all the steps of a window, as the authors' framework printed it.
JAZZ_OBJECTIVE = Objective(_jazz_sums, ("loss", "accuracy", "summed_loss"))


@dataclass(frozen=True)
class JazzRecipe(Recipe):
    """With the decay of Keras 2's optimisers: after n steps the rate is learning_rate / (1 + decay · n)."""

    decay: float = 0.0

    def _rate(self, steps_per_epoch: int) -> Any:
        if not self.decay:
            return super()._rate(steps_per_epoch)
        return keras.optimizers.schedules.InverseTimeDecay(self.learning_rate, 1, self.decay)
