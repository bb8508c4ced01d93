"""The jazz network: the word before (and the place of the next one in the measure) → LSTM → logits of each word.

Knows ids and places, no music. Without extras it is the authors' network: one-hot words, LSTM(64), softmax. Their
thirty unrolled steps with shared layers have the same weights.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.jazz_lstm.windows import MEASURES_OF_A_PHRASE
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM
from musicgen.symbolic.gathering import STEPS


@architecture
def build_jazz_network(sizes: JazzSizes, parts: NDArray[np.float32] | None = None) -> keras.Model:
    """(batch, steps) ids of the words before, (batch, steps, 2) places → logits (batch, steps, vocabulary).

    `parts`: 1 for each part of a word, shape (vocabulary, num_parts), if words share their parts.
    """
    words, places = keras.Input((None,), dtype="int32"), keras.Input((None, 2), dtype="int32")
    features = WordFeatures(sizes, parts, name="features")
    x = features([words, places])
    x = Dropout(sizes.dropout, name="dropout_0")(x) if sizes.embedding else x
    for number in range(1, sizes.num_layers + 1):
        x = LSTM(sizes.units, name=f"lstm_{number}")(x)
        x = Dropout(sizes.dropout, name=f"dropout_{number}")(x)
    return keras.Model([words, places], Words(sizes, parts, name="logits")(x))


class WordFeatures(keras.layers.Layer):
    """Ids and places → vectors: one-hot words (zeros for none), their parts or their embedding, and one-hot places."""

    def __init__(self, sizes: JazzSizes, parts: NDArray[np.float32] | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sizes, self.parts = sizes, parts

    def build(self, input_shape: Any) -> None:
        if self.sizes.embedding:
            shape = (self.sizes.width, self.sizes.embedding)
            self.table = self.add_weight(shape=shape, name="table", initializer="glorot_uniform")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[0], self.sizes.features)

    def call(self, inputs: Any) -> Any:
        words, places = inputs
        x = ops.one_hot(words, self.sizes.vocabulary_size)
        x = x if self.parts is None else ops.matmul(x, self.parts)
        if self.sizes.embedding:
            x = ops.matmul(x, self.table)
        if not self.sizes.beats:
            return x
        step, measure = places[..., 0], places[..., 1]
        beat = ops.one_hot(ops.floor_divide(step, STEPS), self.sizes.beats)
        within = ops.one_hot(ops.mod(step, STEPS), STEPS)
        phrase = ops.one_hot(ops.mod(measure, MEASURES_OF_A_PHRASE), MEASURES_OF_A_PHRASE)
        return ops.concatenate([x, beat, within, phrase], axis=-1)


class Words(keras.layers.Layer):
    """Vectors → logits of the words. If words share parts, the logit of a word is the sum of those of its parts and its
    own bias, so that what is learned of one note of a third of a beat holds for all of them."""

    def __init__(self, sizes: JazzSizes, parts: NDArray[np.float32] | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sizes, self.parts = sizes, parts

    def build(self, input_shape: Any) -> None:
        width, size = self.sizes.width, self.sizes.vocabulary_size
        self.kernel = self.add_weight(shape=(input_shape[-1], width), name="kernel", initializer="glorot_uniform")
        if self.parts is not None:
            self.part_bias = self.add_weight(shape=(width,), name="part_bias", initializer="zeros")
        self.bias = self.add_weight(shape=(size,), name="bias", initializer="zeros")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.sizes.vocabulary_size)

    def call(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.kernel)
        if self.parts is not None:
            x = ops.matmul(x + self.part_bias, self.parts.T)
        return x + self.bias


def jazz_objective(smoothing: float = 0.0) -> Objective:
    """Nats per word.

    `summed_loss`: over all steps of a window, as the authors' framework printed it.

    Args:
        smoothing: share of the target that is spread over all words in training, so that the network is never certain
            (Szegedy et al., Rethinking the Inception architecture, 2016). The reported loss is without smoothing.
    """

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        logits = model([batch["inputs"], batch["places"]], training=training)
        nats = -ops.log_softmax(logits, axis=-1)
        wanted = ops.one_hot(batch["target"], logits.shape[-1])
        right = ops.sum(wanted * nats, axis=-1)
        is_right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(batch["target"], "int32")), "float32")
        known = batch["known"] * batch["weight"][:, None]
        total, per_window = ops.sum(known * right), ops.sum(known) / ops.maximum(ops.sum(batch["weight"]), 1.0)
        reported = [total, ops.sum(known * is_right), total * per_window]
        minimised = (1 - smoothing) * right + smoothing * ops.mean(nats, axis=-1)
        smoothed = [ops.sum(known * minimised)] if smoothing else []
        return ops.stack([*smoothed, *reported, ops.sum(known)])

    names = ("loss", "accuracy", "summed_loss")
    return Objective(sums, ("smoothed_loss", *names) if smoothing else names)
