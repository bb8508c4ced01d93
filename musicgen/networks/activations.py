"""Activation functions by name, each with its slope as a function of its output (for hand-written gradients)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from musicgen.errors import InvalidParameter, sentence

Function = Callable[[Any], Any]
LEAKY_SLOPE = 0.3  # Keras' default for negative inputs; 0.01 and 0.2 belong to other libraries


def hard_sigmoid(x: Any) -> Any:
    """A sigmoid of three straight pieces, 0.2 x + 0.5 between 0 and 1: as in Keras 2, whose LSTM used it by default."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _between(y: Any, slope: float) -> Any:
    return slope * ops.cast(ops.logical_and(y > 0.0, y < 1.0), y.dtype)


# name → (function of the input, slope as a function of the output)
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "linear": (lambda x: x, ops.ones_like),
    "relu": (ops.relu, lambda y: ops.cast(y > 0.0, y.dtype)),
    "tanh": (ops.tanh, lambda y: 1.0 - y * y),
    "sigmoid": (ops.sigmoid, lambda y: y * (1.0 - y)),
    "hard_sigmoid": (hard_sigmoid, lambda y: _between(y, 0.2)),
}


def activation(name: str) -> tuple[Function, Function]:
    """(function, slope from output) of this name."""
    if name not in ACTIVATIONS:
        raise InvalidParameter(sentence(f"An activation must be one of {', '.join(ACTIVATIONS)}", repr(name)))
    return ACTIVATIONS[name]


def activation_layer(kind: str, slope: float = LEAKY_SLOPE, name: str | None = None) -> keras.layers.Layer:
    """A layer that applies `kind`, leaky_relu (with `slope` for negative inputs) included."""
    if kind == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=slope, name=name)
    return keras.layers.Activation(activation(kind)[0], name=name)
