"""The change of speed with ten times as many songs in `prepare`, or ten times the window in training and generation.

1 × means that ten times as much takes ten times as long (for the window in generation: no longer at all).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from musicgen.approaches import approach
from musicgen.benchmarks import EpochSeconds, Line, paired, rate
from musicgen.benchmarks.race_music import sounding, written
from musicgen.contract.made import Order
from musicgen.contract.prepared import TrainingSong

FEW, MANY = 5, 50
SOUND_SECONDS = 30.0
WINDOW = 50
NOTES, STEPS_PER_EPOCH, BATCH = 2000, 6, 16


def _prepared(key: str, songs: Sequence[TrainingSong], values: dict[str, Any]) -> int:
    found = approach(key)
    found.prepare(songs, found.Training.model_validate(values))
    return len(songs)


def _songs(key: str, name: str, make: Callable[[Path, int], list[TrainingSong]], **values: Any) -> Line:
    """Songs prepared a second, for many songs against few."""
    with tempfile.TemporaryDirectory() as folder:
        songs = make(Path(folder), MANY)
        _prepared(key, songs[:1], values)
        few = partial(_prepared, key, songs[:FEW], values)
        many = partial(_prepared, key, songs, values)
        rates = paired(lambda: rate(many), lambda: rate(few))
    return Line(name, *rates, baseline_name=f"{FEW} songs", unit=f"songs prepared/s, of {MANY}")


def _network(folder: str, window: int) -> tuple[Any, ...]:
    """A note network of three layers, and what it needs to train and generate."""
    notes = approach("note_lstm")
    training = notes.Training.model_validate(
        {"representation": "tokens", "sequence_length": window, "num_layers": 3, "units": 256, "epochs": 1}
    )
    songs = written(Path(folder) / str(window), 12)
    prepared = notes.prepare(songs, training)
    return notes, training, songs, prepared, notes.build(prepared.codec, training)


def _generation() -> Line:
    """Notes a second after a prompt ten times as long: the prompt is read once and kept as a state."""

    def play(parts: tuple[Any, ...]) -> float:
        notes, training, songs, prepared, networks = parts
        generation = notes.Generation.model_validate({"num_notes": NOTES})
        (made,) = notes.generate(networks, prepared.codec, training, Order(generation, (0,), songs))
        return float(made.facts["steps_per_second"])

    with tempfile.TemporaryDirectory() as folder:
        short, long = _network(folder, WINDOW), _network(folder, 10 * WINDOW)
        play(short), play(long)  # compiled, not measured
        rates = paired(lambda: play(long), lambda: play(short))
    name = "growth_window_generation"
    return Line(name, *rates, baseline_name=f"window {WINDOW}", unit=f"notes/s, window {10 * WINDOW}")


def _training() -> Line:
    """Time steps trained a second with a window ten times as long."""
    from musicgen.approaches.notes.token_examples import TokenWindows
    from musicgen.approaches.notes.token_network import TOKEN_OBJECTIVE
    from musicgen.networks import engine
    from musicgen.networks.recipe import Recipe

    def learn(parts: tuple[Any, ...]) -> float:
        _, training, _, prepared, networks = parts
        windows = prepared.training
        few = TokenWindows(windows.ids, windows.starts[: STEPS_PER_EPOCH * BATCH], training.sequence_length)
        epochs = EpochSeconds()
        recipe = Recipe(epochs=3, batch_size=BATCH, learning_rate=1e-3)
        engine.fit(networks, [engine.LearningTask("notes", TOKEN_OBJECTIVE, few, None)], recipe, seed=0, monitor=epochs)
        return few.n_examples * training.sequence_length / min(epochs.seconds[1:])  # the first one includes compilation

    with tempfile.TemporaryDirectory() as folder:
        short, long = _network(folder, WINDOW), _network(folder, 10 * WINDOW)
        rates = paired(lambda: learn(long), lambda: learn(short), rounds=1)
    name = "growth_window_training"
    return Line(name, *rates, baseline_name=f"window {WINDOW}", unit=f"time steps/s, window {10 * WINDOW}")


def _written_songs() -> Line:
    return _songs("note_lstm", "growth_songs_notes", written)


def _sounding_songs() -> Line:
    def make(folder: Path, count: int) -> list[TrainingSong]:
        return sounding(folder, count, SOUND_SECONDS)

    return _songs("audio_wavenet", "growth_songs_sound", make)


LINES = {
    "growth_songs_notes": _written_songs,
    "growth_songs_sound": _sounding_songs,
    "growth_window_generation": _generation,
    "growth_window_training": _training,
}
