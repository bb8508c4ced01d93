"""Sizes of the amplitude networks: weights, effort and layers. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from musicgen.approaches.amplitude_lstm.parameters import Training
from musicgen.contract.drawing import Layer
from musicgen.networks.lstm_sizes import lstm_parameters

NAMES = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "tanh": "tanh", "linear": "linear"}
NO_NEGATIVES = "ReLU outputs nothing negative: half of every wave is cut off."


def parameters_of(training: Training) -> int:
    """Trainable weights of one network."""
    return sum((layer.parameters or 0) * layer.repeated for layer in layers_of(training))


def flops_of(training: Training) -> float:
    """Of one example, forward and backward."""
    widths = [training.units, *training.dense]
    dense = sum(before * after for before, after in pairwise(widths))
    if training.recurrence == "frames":
        choices = training.num_predictors * (training.num_levels + widths[-1])
        return 6.0 * training.sequence_length * (8 * training.units**2 + dense + choices)
    if training.recurrence == "look_back":
        return 6.0 * (training.look_back * 4 * training.units * (1 + training.units) + dense)
    # In a single step from the empty state, the recurrent weights do nothing.
    return 6.0 * (4 * training.units * training.look_back + dense)


def layers_of(training: Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
    """From the sound that goes in to the sound that comes out, for one channel's network."""
    return _bank_layers(training) if training.recurrence == "frames" else _sample_layers(training)


def _sample_layers(training: Training) -> tuple[Layer, ...]:
    look_back, units = training.look_back, training.units
    recurs = training.recurrence == "look_back"
    shape = (look_back, 1) if recurs else (1, look_back)
    note = (
        "One step for each sample: its state carries information from one to the next."
        if recurs
        else "A single step sees all samples at once, so nothing recurs, as in the authors' code."
    )
    name = NAMES[training.activation]
    ends_in = name if training.activate_output else "no activation"
    is_cut = training.activation == "relu" and training.activate_output
    return (
        Layer("Sound", "music", (look_back,), note="Left and right have a network each."),
        Layer("Look back", "codec", shape, note=f"The {look_back:,} samples before the one to predict."),
        Layer(f"LSTM, {units} units, {name}", "recurrent", (units,), lstm_parameters(shape[1], units), note),
        *_dense_layers(training, ()),
        Layer(
            f"One number, {ends_in}", "choice", (1,), [units, *training.dense][-1] + 1,
            NO_NEGATIVES if is_cut else "The next sample.",
        ),
        Layer("The next sample", "music", (1,)),
    )  # fmt: skip


def _bank_layers(training: Training) -> tuple[Layer, ...]:
    steps, units, hop = training.sequence_length, training.units, training.hop_length
    predictors, levels = training.num_predictors, training.num_levels
    last = [units, *training.dense][-1]
    return (
        Layer("Sound", "music", (steps * hop,), note="Left and right have a network each."),
        Layer(
            "Which predictor, how loud", "codec", (steps, 2),
            note=f"Each frame of {hop:,} samples as the linear predictor that fits it best, and how hard it is struck.",
        ),
        Layer(f"Vectors, {units} wide", "embedding", (steps, units), (predictors + levels + 2) * units),
        Layer(
            f"LSTM, {units} units, tanh", "recurrent", (steps, units), lstm_parameters(units, units),
            "Carries its state through the whole song, one step for each frame.",
        ),
        *_dense_layers(training, (steps,)),
        Layer(
            "Choice of the predictor", "choice", (steps, predictors), (last + 1) * (predictors + 1),
            "Which pitches ring on; staying with the last predictor has a weight of its own.",
        ),
        Layer(
            "Choice of the loudness", "choice", (steps, levels), (last + 1) * levels + predictors * levels,
            "How hard the frame is struck.",
        ),
        Layer(
            f"{predictors} linear predictors, {training.look_back} samples each", "codec", (steps * hop,),
            note="Fitted to the songs before training. The chosen one turns noise into ringing tones.",
        ),
        Layer("Sound", "music", (steps * hop,)),
    )  # fmt: skip


def _dense_layers(training: Training, steps: tuple[int, ...]) -> list[Layer]:
    name = NAMES[training.activation]
    return [
        Layer(f"Dense, {after} units, {name}", "dense", (*steps, after), (before + 1) * after)
        for before, after in pairwise([training.units, *training.dense])
    ]
