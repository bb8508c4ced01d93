"""Sizes of LSTM layers, for costs and drawings. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from musicgen.contract.drawing import Layer


def lstm_layers(inputs: int, units: int, num_layers: int, steps: int, *, returns_all: bool = True) -> tuple[Layer, ...]:
    """Stacked LSTM layers: (steps, inputs) → (steps, units), or (units,) if only the last step is returned.

    The first has more or fewer weights than the others; without `returns_all`, the last has another shape.
    """
    shape = (steps, units)
    name = f"LSTM, {units} units"
    first = Layer(name, "recurrent", shape, lstm_parameters(inputs, units), "Carries its state from step to step.")
    above = Layer(name, "recurrent", shape, lstm_parameters(units, units), "Reads the outputs of the layer below.")
    layers = [first] + [above] * (num_layers - 1)
    if not returns_all:
        layers[-1] = replace(layers[-1], shape=(units,))
    return _joined(layers)


def lstm_parameters(inputs: int, units: int) -> int:
    """Trainable weights of one LSTM layer: four gates, each with input weights, recurrent weights and a bias."""
    return 4 * units * (inputs + units + 1)


def _joined(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Merges equal neighbours into one repeated layer."""
    made: list[Layer] = []
    for layer in layers:
        if made and replace(made[-1], repeated=1) == layer:
            made[-1] = replace(made[-1], repeated=made[-1].repeated + 1)
        else:
            made.append(layer)
    return tuple(made)
