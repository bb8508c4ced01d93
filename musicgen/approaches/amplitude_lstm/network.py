"""The network that predicts the next sample: an LSTM and dense layers down to one number. Knows windows, no sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from musicgen.networks.activations import LEAKY_SLOPE, activation_layer
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM


@architecture
def build_amplitude_network(
    *,
    look_back: int,
    as_steps: bool,
    units: int,
    dense: Sequence[int],
    activation: str,
    slope: float = LEAKY_SLOPE,
    recurrent_activation: str = "sigmoid",
    activate_output: bool = True,
) -> keras.Model:
    """LSTM → dense layers → the next sample.

    Args:
        as_steps: look_back steps of one feature each; else one step of look_back features, so that nothing recurs.
        activation: after the LSTM and every dense layer. With leaky_relu the LSTM itself is linear, as in the
            authors' code.
        activate_output: whether the activation also follows the last layer.
    """
    inputs = keras.Input((look_back, 1) if as_steps else (1, look_back))
    x = LSTM(
        units,
        activation="linear" if activation == "leaky_relu" else activation,
        recurrent_activation=recurrent_activation,
        return_sequences=False,
        name="lstm",
    )(inputs)
    if activation == "leaky_relu":
        x = activation_layer(activation, slope)(x)
    for number, width in enumerate(dense, start=1):
        x = keras.layers.Dense(width, name=f"dense_{number}")(x)
        x = activation_layer(activation, slope)(x)
    outputs = keras.layers.Dense(1, name="output")(x)
    if activate_output:
        outputs = activation_layer(activation, slope)(outputs)
    return keras.Model(inputs, outputs)


def _squared_error(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    error = (model(batch["inputs"], training=training) - batch["target"])[:, 0]
    return ops.stack([ops.sum(batch["weight"] * error * error), ops.sum(batch["weight"])])


AMPLITUDE_OBJECTIVE = Objective(_squared_error)
