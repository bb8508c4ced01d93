"""Every hyper-parameter that the authors of the four systems turned, or wished to, can be set here.

The table is the list of what their code and texts name; a field that is renamed or lost fails here by its author's
name for it.
"""

from __future__ import annotations

from typing import Any

import pytest

from musicgen.approaches import approach
from musicgen.contract.parameters import Parameters, read_parameters

# approach → what the authors called it → (where, our field, a value of theirs or one that they asked for)
EXPOSED: dict[str, dict[str, tuple[str, str, Any]]] = {
    "jazz_lstm": {
        "Tx": ("Training", "sequence_length", 30),
        "m": ("Training", "num_windows", 60),
        "n_a": ("Training", "units", 64),
        "lr": ("Training", "learning_rate", 0.01),
        "decay": ("Training", "decay", 0.01),
        "epochs": ("Training", "epochs", 100),
        "batch size": ("Training", "batch_size", 32),
        "melody track": ("Training", "melody_track", 11),
        "chord track": ("Training", "chord_track", 6),
        "beat window, from": ("Training", "first_beat", 476),
        "beat window, to": ("Training", "last_beat", 548),
        "Ty": ("Generation", "steps_per_set", 50),
        "bpm": ("Generation", "tempo", 130),
        "diversity": ("Generation", "temperature", 0.5),
        "max_tries": ("Generation", "max_tries", 32),
    },
    "amplitude_lstm": {
        "look_back": ("Training", "look_back", 3),
        "activation": ("Training", "activation", "leaky_relu"),
        "slope": ("Training", "leaky_slope", 0.3),
        "units": ("Training", "units", 100),
        "dense widths": ("Training", "dense", (50, 25, 12)),
        "epochs": ("Training", "epochs", 20),
        "batch": ("Training", "batch_size", 100),
        "samples used": ("Training", "samples_per_song", 160_000),
        "normalise": ("Training", "normalise", True),
        "channels": ("Training", "channels", "mono"),
        "training or held-out part": ("Generation", "segment", "held_out"),
        "seconds": ("Generation", "seconds", 9.0),
    },
    "note_lstm": {
        "threshold": ("Training", "threshold", 20),
        "window length": ("Training", "sequence_length", 50),
        "instrument filter": ("Training", "instruments", "piano"),
        "LSTM units": ("Training", "units", 256),
        "layers": ("Training", "num_layers", 2),
        "dense": ("Training", "dense", 256),
        "dropout": ("Training", "dropout", 0.2),
        "lr": ("Training", "learning_rate", 0.001),
        "batch": ("Training", "batch_size", 72),
        "epochs": ("Training", "epochs", 100),
        "split": ("Training", "validation_share", 0.2),
        "notes to generate": ("Generation", "num_notes", 400),
        "temperature": ("Generation", "temperature", 1.0),
        "top-k": ("Generation", "top_k", 5),
        "step length": ("Generation", "step_beats", 0.5),
        "tempo": ("Generation", "tempo", 120),
    },
    "note_wavenet": {
        "threshold": ("Training", "threshold", 40),
        "window length": ("Training", "sequence_length", 32),
        "instrument filter": ("Training", "instruments", "piano"),
        "embedding size": ("Training", "embedding", 100),
        "filters": ("Training", "filters", (64, 128, 256)),
        "kernel": ("Training", "kernel_size", 3),
        "dilation depth": ("Training", "dilation_depth", 3),
        "dropout": ("Training", "dropout", 0.2),
        "pooling": ("Training", "pooling", True),
        "gated": ("Training", "gated", True),
        "residual": ("Training", "residual", True),
        "skips": ("Training", "skip", True),
        "dense": ("Training", "dense", 256),
        "lr": ("Training", "learning_rate", 0.001),
        "batch": ("Training", "batch_size", 256),
        "epochs": ("Training", "epochs", 50),
        "split": ("Training", "validation_share", 0.2),
        "notes to generate": ("Generation", "num_notes", 100),
        "temperature": ("Generation", "temperature", 1.0),
        "top-k": ("Generation", "top_k", 5),
        "step length": ("Generation", "step_beats", 0.5),
        "tempo": ("Generation", "tempo", 120),
    },
    "spectral_lstm": {
        "sample rate": ("Training", "sample_rate", 44_100),
        "clip length": ("Training", "clip_seconds", 10.0),
        "block size": ("Training", "block_size", 11_025),
        "hidden size": ("Training", "units", 1024),
        "layers": ("Training", "num_layers", 1),
        "LSTM or GRU": ("Training", "cell", "gru"),
        "loss": ("Training", "loss", "mae"),
        "normalise": ("Training", "normalise", False),
        "batch": ("Training", "batch_size", 5),
        "epochs": ("Training", "epochs", 1250),
        "time domain": ("Training", "transform", "none"),
        "max files": ("Training", "max_songs", 20),
        "seed_len": ("Generation", "seed_len", 1),
        "generated steps": ("Generation", "steps", 10),
    },
}
CASES = [(key, theirs, *ours) for key, table in EXPOSED.items() for theirs, ours in table.items()]


@pytest.mark.parametrize(("key", "theirs", "where", "field", "value"), CASES)
def test_it_can_be_set(key: str, theirs: str, where: str, field: str, value: Any) -> None:
    model: type[Parameters] = getattr(approach(key), where)
    assert field in model.model_fields, f"{theirs} of {key}"
    assert getattr(read_parameters(model, {field: value}), field) == value


# approach → what its preset `original` has in common with the authors' code
ORIGINAL: dict[str, dict[str, Any]] = {
    "jazz_lstm": {
        "sequence_length": 30, "num_windows": 60, "units": 64, "learning_rate": 0.01, "decay": 0.01, "epochs": 100,
        "batch_size": 32, "first_beat": 476.0, "last_beat": 548.0,
    },
    "amplitude_lstm": {
        "look_back": 3, "units": 100, "dense": (50, 25, 12), "epochs": 20, "batch_size": 100,
        "samples_per_song": 160_000, "leaky_slope": 0.3, "normalise": False,
    },
    "note_lstm": {
        "sequence_length": 50, "units": 256, "num_layers": 2, "dense": 256, "dropout": 0.2, "batch_size": 72,
        "threshold": 20, "embedding": 0,
    },
    "note_wavenet": {
        "sequence_length": 32, "embedding": 100, "filters": (64, 128, 256), "kernel_size": 3, "dilation_depth": 3,
        "dropout": 0.2, "pooling": True, "gated": False, "residual": False, "skip": False, "dense": 256,
        "batch_size": 256, "epochs": 50, "threshold": 40, "instruments": "piano", "learning_rate": 0.001,
    },
    "spectral_lstm": {
        "block_size": 11_025, "units": 1024, "num_layers": 1, "cell": "lstm", "batch_size": 5, "clip_seconds": 10.0,
        "transform": "fft", "loss": "mse", "normalise": True, "max_songs": 20, "sample_rate": 44_100,
    },
}  # fmt: skip


@pytest.mark.parametrize("key", ORIGINAL)
def test_the_original_preset_has_the_numbers_of_its_authors(key: str) -> None:
    training = read_parameters(approach(key).Training, approach(key).presets["original"].training)
    assert {name: getattr(training, name) for name in ORIGINAL[key]} == ORIGINAL[key]
