"""Sizes of the network: weights, effort, memory, and the drawing. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musicgen.approaches.collage.parameters import Training
from musicgen.approaches.collage.unit_features import WIDTH
from musicgen.contract.drawing import Layer
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared
from musicgen.networks.lstm_sizes import lstm_layers, lstm_parameters

WEIGHT_COPIES = 4  # weights, moments, gradients, and copies in the compiled step: 4 bytes each
ACTIVATIONS = 14  # numbers kept for the backward pass, per hidden unit and step
BYTES_PER_UNIT = 1_000  # vectors and edges of a unit, with a copy


@dataclass(frozen=True)
class CollageSizes:
    """What the network is built from."""

    num_codes: int
    num_places: int
    embedding: int
    units: int
    num_layers: int
    dropout: float

    @property
    def inputs(self) -> int:
        """Of the first LSTM at each step."""
        return self.embedding + self.num_places

    @property
    def parameters(self) -> int:
        """Trainable weights."""
        memories = sum(
            lstm_parameters(self.units if number else self.inputs, self.units) for number in range(self.num_layers)
        )
        return (self.num_codes + 1) * self.embedding + memories + (self.units + 1) * self.num_codes


def sizes_of(num_codes: int, num_places: int, training: Training) -> CollageSizes:
    return CollageSizes(
        num_codes, num_places, training.embedding, training.units, training.num_layers, training.dropout
    )


def flops_of(sizes: CollageSizes, steps: int) -> float:
    """Of one example of so many units, forward and backward."""
    return 6.0 * steps * sizes.parameters


def cost_of(prepared: Prepared, training: Training) -> Cost:
    """See contract.prepared.Cost."""
    codec, data = prepared.codec, prepared.training
    sizes = sizes_of(codec.num_codes, codec.num_places, training)
    steps = training.batch_size * training.sequence_length
    working = 4 * steps * (ACTIVATIONS * sizes.units * sizes.num_layers + 4 * sizes.num_codes)
    stored = BYTES_PER_UNIT * sum(len(song) for song in codec.songs)
    memory = FRAMEWORK_BYTES + 4 * WEIGHT_COPIES * sizes.parameters + 2 * working + stored
    return Cost(1, sizes.parameters, flops_of(sizes, training.sequence_length) * data.n_examples, int(memory))


def layers_of(training: Training, facts: Mapping[str, Any] | None) -> tuple[Layer, ...]:
    """The stages, for drawings: how a song becomes codes, the network, and how codes become sound."""
    steps, embedded, units = training.sequence_length, training.embedding, training.units
    codes: int | str = facts["vocabulary_size"] if facts else "K"
    known = sizes_of(facts["vocabulary_size"], facts["num_places"], training) if facts else None
    if known is not None:
        memories = lstm_layers(known.inputs, units, training.num_layers, steps)
    else:
        memories = (Layer(f"LSTM, {units} units", "recurrent", (steps, units), None, repeated=training.num_layers),)
    return (
        Layer("The song, cut at half beats", "music", (steps,),
              note="Where there is no steady beat, it is cut where notes begin."),
        Layer("Timbre and harmony of each", "codec", (steps, WIDTH)),
        Layer("The nearest typical sound", "codec", (steps,), note=f"One of {codes}, found by k-means."),
        Layer(f"Embedding, {embedded} wide", "embedding", (steps, embedded),
              None if known is None else (known.num_codes + 1) * embedded),
        Layer("Place in the bar", "codec", (steps, known.num_places if known else "P")),
        *memories,
        Layer("Which sound comes next", "choice", (steps, codes),
              None if known is None else (units + 1) * known.num_codes),
        Layer("Half beats of the song, joined", "music", (),
              note="Of all half beats with that sound, the one that fits best to what was played last."),
    )  # fmt: skip
