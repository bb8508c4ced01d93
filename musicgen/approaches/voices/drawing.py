"""The networks as the pages draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from musicgen.approaches.voices.parameters import Training
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.contract.drawing import Layer

TYPICAL = 60  # pitches, before there are songs


def sizes_of(training: Training, values: int, voices: int, *, strikes: bool = True) -> VoiceSizes:
    """The sizes for so many values of a cell and voices."""
    return VoiceSizes(
        values, voices, strikes, training.units, training.num_layers, training.head, training.channels,
        training.depth if training.fill_in else 0, training.dropout, training.recurrent_dropout, training.told_dropout,
        training.key_memory,
    )  # fmt: skip


def voice_layers(training: Training, facts: Mapping[str, Any] | None) -> tuple[Layer, ...]:
    """From the grid to the notes; with filling in, both ways."""
    values, voices = (facts["vocabulary_size"], facts["n_voices"]) if facts else (TYPICAL, training.voices or 4)
    sizes, steps = sizes_of(training, values, voices), training.sequence_length
    layers = [
        Layer("Voices on a grid", "music", (steps, voices if facts else "voices")),
        Layer(
            f"Embedding, {training.units} wide", "embedding", (steps, training.units), sizes.heard_parameters,
            "The last note of every voice, how long it has been held, the place in the bar, and what followed the last "
            "time that the music was like this."
            + (" It is also told how often each note of the octave has been heard." if training.key_memory else ""),
        ),
        Layer(
            f"LSTM, {training.units} units", "recurrent", (steps, training.units), sizes.lstm_parameters[0],
            "Carries its state from step to step.", training.num_layers,
        ),
        Layer(
            "A view for each voice", "dense", (steps, voices if facts else "voices", training.head),
            sizes.context_parameters,
        ),
        Layer(
            "What the other voices do", "embedding", (steps, voices if facts else "voices", training.head),
            sizes.told_parameters, "The voices of a step are decided one after the other, the outer ones first.",
        ),
        Layer(
            "The note of a voice", "dense", (steps, voices if facts else "voices", values if facts else "V"),
            sizes.decided_parameters,
            "As a pitch, and as an interval from the voice's own last note and from the voice decided before.",
        ),
    ]  # fmt: skip
    if training.fill_in:
        shape = (steps, training.channels)
        layers += [
            Layer("What stays", "embedding", shape, sizes.seen_parameters, "Hidden notes are marked as hidden."),
            Layer(
                f"Convolution, {training.channels} channels", "convolution", shape, sizes.block_parameters,
                "Looks both ways; dilations 1, 2, 4, 8, 16 in turn.", training.depth,
            ),
            Layer("Notes filled in", "dense", (steps, voices if facts else "voices", values if facts else "V"),
                  sizes.filled_parameters),
        ]  # fmt: skip
    if facts:
        return tuple(layers)
    return tuple(replace(layer, parameters=None) if layer.parameters else layer for layer in layers)
