"""The network over blocks: a linear layer in, recurrent layers, a linear layer out. Knows numbers, no sound.

After A. Nayebi and M. Vitelli, GRUV: Algorithmic music generation using recurrent neural networks, 2015.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM


def recurrent_layer(cell: str, units: int, name: str) -> keras.layers.Layer:
    """An LSTM (Hochreiter and Schmidhuber, 1997) or a GRU (Cho et al., 2014) with an output at every step."""
    if cell == "gru":
        return keras.layers.GRU(units, return_sequences=True, name=name)
    return LSTM(units, name=name)


def initial_state(layer: Any, batch_size: int) -> Any:
    """The empty state of a recurrent layer."""
    return layer.initial_state(batch_size) if isinstance(layer, LSTM) else ops.zeros((batch_size, layer.units))


def recurrent_step(layer: Any, inputs: Any, state: Any) -> tuple[Any, Any]:
    """(output (batch, units), state) after one more step."""
    if isinstance(layer, LSTM):
        state = layer.step(inputs, state)
        return state[0], state
    output = layer.cell(inputs, [state])[0]
    return output, output


@architecture
def build_block_network(
    n_features: int, *, units: int, num_layers: int, cell: str, dropout: float = 0.0
) -> keras.Model:
    """(batch, blocks, features) → the next block at every step, same shape."""
    inputs = keras.Input((None, n_features), name="inputs")
    x = keras.layers.Dense(units, name="in")(inputs)
    for number in range(1, num_layers + 1):
        x = recurrent_layer(cell, units, f"memory_{number}")(x)
        if dropout:
            x = Dropout(dropout, name=f"dropout_{number}")(x)
    return keras.Model(inputs, keras.layers.Dense(n_features, name="out")(x))


def block_objective(loss: str) -> Objective:
    """Mean squared (mse) or absolute (mae) error over all numbers of all blocks."""

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        error = model(batch["inputs"], training=training) - batch["targets"]
        each = ops.mean(ops.square(error) if loss == "mse" else ops.abs(error), axis=-1)
        weight = batch["mask"] * batch["weight"][:, None]
        return ops.stack([ops.sum(weight * each), ops.sum(weight)])

    return Objective(sums)


class BlockStepper:
    """One block at a time, with the recurrent states carried over."""

    def __init__(self, model: keras.Model, num_layers: int) -> None:
        self.model = model
        self.layers = [model.get_layer(f"memory_{number}") for number in range(1, num_layers + 1)]

    def start(self, batch_size: int) -> Any:
        return [initial_state(layer, batch_size) for layer in self.layers]

    def step(self, block: Any, state: Any) -> tuple[Any, Any]:
        """block (batch, features) → (the next block, state)."""
        x, after = self.model.get_layer("in")(block), []
        for layer, before in zip(self.layers, state, strict=True):
            x, now = recurrent_step(layer, x, before)
            after.append(now)
        return self.model.get_layer("out")(x), after
