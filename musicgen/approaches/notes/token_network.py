"""The authors' note network: the index of a token as one plain number, two LSTM layers, two dense layers.

Knows ids, no music. By default the index is not scaled: the authors fed in 0, 1, 2 … directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from musicgen.networks.backend import compiled
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM


@architecture
def build_token_network(
    *,
    vocabulary_size: int,
    units: Sequence[int],
    dense: int,
    dropout: float,
    embedding: int = 0,
    scale: bool = False,
    recurrent_dropout: float = 0.0,
) -> keras.Model:
    """(batch, window) ids → LSTM layers with dropout → dense relu → logits (batch, vocabulary).

    Args:
        embedding: width of a learned vector per token; 0 for the plain number.
        scale: divide the plain number by the vocabulary size.
    """
    inputs = keras.Input((None,), dtype="int32")
    x = inputs
    if embedding:
        x = keras.layers.Embedding(vocabulary_size, embedding, name="embedding")(x)
    else:
        x = keras.layers.Rescaling(1.0 / vocabulary_size if scale else 1.0, name="index")(_as_feature(x))
    for number, width in enumerate(units, start=1):
        goes_on = number < len(units)
        x = LSTM(width, return_sequences=goes_on, recurrent_dropout=recurrent_dropout, name=f"lstm_{number}")(x)
        x = Dropout(dropout, name=f"dropout_{number}")(x)
    x = keras.layers.Dense(dense, activation="relu", name="dense")(x)
    return keras.Model(inputs, keras.layers.Dense(vocabulary_size, name="logits")(x))


def _as_feature(ids: Any) -> Any:
    return ops.expand_dims(ops.cast(ids, "float32"), axis=-1)


def _token_sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    logits = model(batch["inputs"], training=training)
    nats = keras.losses.sparse_categorical_crossentropy(batch["target"], logits, True)
    is_right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(batch["target"], "int32")), "float32")
    weight = batch["weight"]
    return ops.stack([ops.sum(weight * nats), ops.sum(weight * is_right), ops.sum(weight)])


TOKEN_OBJECTIVE = Objective(_token_sums, ("loss", "accuracy"))  # nats per token


class TokenStepper:
    """One token at a time, with the LSTM states carried along. State: a list of LSTM states."""

    num_fields = 1

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.lstms = [layer for layer in model.layers if isinstance(layer, LSTM)]
        self.head = [layer for layer in model.layers if layer.name in ("dense", "logits")]

    def start(self, batch_size: int) -> Any:
        return [layer.initial_state(batch_size) for layer in self.lstms]

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,) → (logits (batch, vocabulary), state)."""
        names = [layer.name for layer in self.model.layers]
        if "embedding" in names:
            x = self.model.get_layer("embedding")(token)
        else:
            x = self.model.get_layer("index")(_as_feature(token))
        after = []
        for layer, memory in zip(self.lstms, state, strict=True):
            memory = layer.step(x, memory)
            after.append(memory)
            x = memory[0]
        for layer in self.head:
            x = layer(x)
        return x, after


class WindowStepper:
    """The authors' way: the network reads the last `window` tokens again at every step. State: the window."""

    num_fields = 1

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def after(self, ids: Any) -> tuple[Any, Any]:
        """(logits, state) after a window of ids, shape (batch, window)."""
        return compiled(lambda ids: (self.answer(ids), ids), self.model)(ids)

    def answer(self, ids: Any) -> Any:
        """Windows of ids (batch, window) → logits (batch, vocabulary) of the next token."""
        return self.model(ids)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,), state (batch, window) → (logits, state)."""
        state = ops.concatenate([state[:, 1:], token[:, None]], axis=1)
        return self.answer(state), state
