"""Sizes of the spectral networks: weights, effort, memory, and the drawing. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.approaches.spectral_lstm.blocks import BlockCodec, n_features
from musicgen.approaches.spectral_lstm.parameters import Training
from musicgen.contract.drawing import Layer
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared

WEIGHT_COPIES = 4  # weights, moments, gradients, and copies in the compiled step: 4 bytes each
ACTIVATIONS = 14  # numbers kept for the backward pass, per hidden unit and step


def cell_parameters(cell: str, inputs: int, units: int) -> int:
    """Trainable weights of one recurrent layer (a GRU of Keras has two biases)."""
    return 4 * units * (inputs + units + 1) if cell == "lstm" else 3 * units * (inputs + units + 2)


def head_parameters(number: int, size: int, num_components: int, units: int) -> int:
    """Trainable weights of the head for one codebook."""
    seen = units + num_components * (2 if number else 1)
    return (seen + 1) * units + (units + 1) * (size + num_components + (0 if number else 1))


def cost_of(prepared: Prepared, training: Training) -> Cost:
    """See contract.prepared.Cost."""
    codec, data = prepared.codec, prepared.training
    parameters = parameters_of(prepared.facts, training)
    steps = training.batch_size * codec.sequence_length
    if isinstance(codec, BlockCodec):
        stored, working = 0, steps * (16 * codec.n_features + 4 * ACTIVATIONS * training.units * training.num_layers)
        working += 48 * codec.block_size * codec.sequence_length  # one example on its way from disk
    else:
        choices = sum(len(codebook) for codebook in codec.codebooks)
        stored = 2 * data.nbytes
        width = ACTIVATIONS * training.units * (training.num_layers + len(codec.codebooks)) + 4 * choices
        working = 4 * steps * (width + 8 * codec.num_components)
    memory = FRAMEWORK_BYTES + 4 * WEIGHT_COPIES * parameters + 2 * working + stored
    return Cost(1, parameters, flops_of(codec, training) * data.n_examples, int(memory))


def parameters_of(facts: Mapping[str, Any], training: Training) -> int:
    """Trainable weights."""
    units, first = training.units, facts["inputs_shape"][2]
    if training.representation == "blocks":
        memory = training.num_layers * cell_parameters(training.cell, units, units)
        return (first + 1) * units + memory + (units + 1) * first
    inputs = [first, *[units] * (training.num_layers - 1)]
    heads = (head_parameters(number, size, first, units) for number, size in enumerate(facts["codebook_sizes"]))
    return sum(cell_parameters(training.cell, size, units) for size in inputs) + sum(heads)


def flops_of(codec: Any, training: Training) -> float:
    """Of one example, forward and backward."""
    if isinstance(codec, BlockCodec):
        facts: dict[str, Any] = {"inputs_shape": [0, 0, codec.n_features]}
    else:
        sizes = [len(codebook) for codebook in codec.codebooks]
        facts = {"inputs_shape": [0, 0, codec.num_components], "codebook_sizes": sizes}
    return 6.0 * codec.sequence_length * parameters_of(facts, training)


def layers_of(training: Training, facts: Mapping[str, Any] | None) -> tuple[Layer, ...]:
    """The layers, for drawings."""
    return (_block_layers if training.representation == "blocks" else _frame_layers)(training, facts)


def _memories(training: Training, inputs: int | None, steps: int | str) -> list[Layer]:
    units, name = training.units, f"{training.cell.upper()}, {training.units:,} units"
    first = None if inputs is None else cell_parameters(training.cell, inputs, units)
    note = "Its state carries information to every later step."
    made = [Layer(name, "recurrent", (steps, units), first, note)]
    if training.num_layers > 1:
        later = cell_parameters(training.cell, units, units)
        made.append(Layer(name, "recurrent", (steps, units), later, repeated=training.num_layers - 1))
    return made


def _block_layers(training: Training, facts: Mapping[str, Any] | None) -> tuple[Layer, ...]:
    features = facts["n_features"] if facts else n_features(training.block_size, training.transform)
    steps: int | str = facts["sequence_length"] if facts else "L"
    size, units = training.block_size, training.units
    spectrum = "samples as they are" if training.transform == "none" else "real and imaginary parts"
    units_in = (features + 1) * units
    return (
        Layer(f"Blocks of {size:,} samples", "music", (steps, size), note="Without overlap: every edge can click."),
        Layer(f"Block: {spectrum}", "codec", (steps, features)),
        Layer(f"Dense, {units:,}", "dense", (steps, units), units_in),
        *_memories(training, units, steps),
        Layer(f"Dense, {features:,}", "dense", (steps, features), (units + 1) * features,
              "The next block; when unsure, it predicts the mean, which is near silence."),
        Layer("Inverse transform", "codec", (steps, size)),
    )  # fmt: skip


def _frame_layers(training: Training, facts: Mapping[str, Any] | None) -> tuple[Layer, ...]:
    components: int | str = facts["num_components"] if facts else training.components
    steps: int | str = facts["sequence_length"] if facts else "L"
    sizes = facts["codebook_sizes"] if facts else [None] * training.num_codebooks
    bins = training.n_fft // 2 + 1
    heads = [
        Layer(
            f"Choice from codebook {number + 1}",
            "choice",
            (steps, "K" if size is None else size),
            None if size is None else head_parameters(number, size, int(components), training.units),
            "A typical sound." if number == 0 else "A correction of the choices before it.",
        )
        for number, size in enumerate(sizes)
    ]
    known = int(components) if facts else None
    return (
        Layer(f"Windows of {training.n_fft:,} samples", "music", (steps, training.frames_per_step, training.n_fft),
              note=f"A new one every {training.hop_length:,} samples: they overlap, so nothing clicks."),
        Layer("Magnitude of each frequency", "codec", (steps, training.frames_per_step, bins)),
        Layer("Principal components", "codec", (steps, components)),
        *_memories(training, known, steps),
        *heads,
        Layer("Phases from the overlap", "codec", (), note="Griffin and Lim's algorithm; tones go on between frames."),
    )  # fmt: skip
