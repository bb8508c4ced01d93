"""The network of a collage: the code before and the place in the bar → LSTM → logits of the code that comes next.

Knows codes and places, no sound.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musicgen.approaches.collage.sizes import CollageSizes
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM


@architecture
def build_collage_network(sizes: CollageSizes) -> keras.Model:
    """Codes before each unit (batch, steps), `num_codes` for none, and places (batch, steps) → logits of the code of
    each unit, (batch, steps, num_codes)."""
    codes, places = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(sizes.num_codes + 1, sizes.embedding, name="embedding")(codes)
    x = ops.concatenate([x, ops.one_hot(places, sizes.num_places)], axis=-1)
    x = Dropout(sizes.dropout, name="dropout_0")(x)
    for number in range(1, sizes.num_layers + 1):
        x = LSTM(sizes.units, name=f"lstm_{number}")(x)
        x = Dropout(sizes.dropout, name=f"dropout_{number}")(x)
    return keras.Model([codes, places], keras.layers.Dense(sizes.num_codes, name="logits")(x))


def _sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    logits = model([batch["inputs"], batch["places"]], training=training)
    nats = keras.losses.sparse_categorical_crossentropy(batch["target"], logits, True)
    is_right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(batch["target"], "int32")), "float32")
    weight = batch["mask"] * batch["weight"][:, None]
    return ops.stack([ops.sum(weight * nats), ops.sum(weight * is_right), ops.sum(weight)])


CODE_OBJECTIVE = Objective(_sums, ("loss", "accuracy"))  # nats per unit


class CodeStepper:
    """One unit at a time, for a batch of pieces. State: a list of LSTM states."""

    def __init__(self, model: keras.Model, sizes: CollageSizes) -> None:
        self.model, self.sizes = model, sizes
        self.lstms = [layer for layer in model.layers if isinstance(layer, LSTM)]
        self.embedding, self.head = model.get_layer("embedding"), model.get_layer("logits")

    def start(self, batch_size: int) -> Any:
        return [layer.initial_state(batch_size) for layer in self.lstms]

    def step(self, code: Any, place: Any, state: Any) -> tuple[Any, Any]:
        """The code before (batch,) and the place of the unit that comes (batch,) → (its logits, state)."""
        x = ops.concatenate([self.embedding(code), ops.one_hot(place, self.sizes.num_places)], axis=-1)
        after = []
        for layer, memory in zip(self.lstms, state, strict=True):
            memory = layer.step(x, memory)
            after.append(memory)
            x = memory[0]
        return self.head(x), after
