"""A training that was rehearsed compiles nothing for its first steps, and learns the same to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from musicgen.approaches import approach, approaches
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.networks import programs
from musicgen.runs import rehearsing, short_pieces
from musicgen.runs.lapse_seconds import expected_seconds
from musicgen.runs.short_pieces import ShortPieces
from tests.makers_music import audio_song, midi_song

pytestmark = [
    pytest.mark.framework,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX gives back what it compiled"),
]

SEED = 3


def songs_for(key: str) -> list[TrainingSong]:
    if approach(key).medium == "audio":
        return [audio_song(2_000, 0), audio_song(2_000, 1)]
    return [midi_song(12, 0), midi_song(12)]


def request_for(key: str) -> dict[str, Any]:
    training = read_parameters(approach(key).Training, approach(key).tiny.training)
    songs = [{"id": song.id, "name": song.name} for song in songs_for(key)]
    return {"approach": key, "training": training.model_dump(mode="json"), "songs": songs, "seed": SEED}


def trained(key: str) -> list[np.ndarray]:
    kind = approach(key)
    training = read_parameters(kind.Training, kind.tiny.training)
    prepared = kind.prepare(songs_for(key), training, seed=SEED)
    networks = kind.build(prepared.codec, training, seed=SEED)
    kind.fit(networks, prepared, training, seed=SEED, monitor=SilentMonitor())
    return [np.asarray(each) for model in networks.models.values() for each in model.get_weights()]


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_programs", type(programs._programs)())


def times(program: Any) -> int:
    """How often it was compiled."""
    return int(program.experimental_get_tracing_count())


def find(key: str, monkeypatch: pytest.MonkeyPatch, *, number: int = 2) -> None:
    """The songs of `key`, `number` of them, are in the library."""

    def found(chosen: Sequence[Any]) -> tuple[list[TrainingSong], list[str]]:
        return (songs_for(key) * number)[: len(chosen)], []

    monkeypatch.setattr(rehearsing, "find_songs", found)


@pytest.mark.parametrize(
    "key",
    [each if each == "note_lstm" else pytest.param(each, marks=pytest.mark.slow) for each in sorted(approaches())],
)
@pytest.mark.usefixtures("no_programs")
def test_the_first_steps_are_compiled_by_then(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find(key, monkeypatch)
    plain = trained(key)
    monkeypatch.setattr(programs, "_programs", type(programs._programs)())
    rehearsing.rehearse(request_for(key), "cpu", lambda: True)
    compiled = {name: count for name, each in programs._programs.items() if (count := times(each))}
    assert compiled
    again = trained(key)
    assert {name: times(programs._programs[name]) for name in compiled} == compiled
    for one, other in zip(plain, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "key",
    [each if each == "note_lstm" else pytest.param(each, marks=pytest.mark.slow) for each in sorted(approaches())],
)
@pytest.mark.usefixtures("no_programs", "home")
def test_so_are_the_pieces_on_the_way(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_pieces, "_compiled", set())
    find(key, monkeypatch)
    request = request_for(key) | {"preset": "quick", "hear_it_learn": True}
    rehearsing.rehearse(request, "cpu", lambda: True)
    compiled = {name: times(each) for name, each in programs._programs.items()}
    kind, songs = approach(key), songs_for(key)
    training = read_parameters(kind.Training, kind.tiny.training)
    prepared = kind.prepare(songs, training, seed=SEED)
    networks = kind.build(prepared.codec, training, seed=SEED + 1)
    pieces = ShortPieces(kind, training, networks, prepared.codec, songs, request)
    assert pieces.are_compiled
    pieces.make(SilentMonitor())
    assert {name: times(each) for name, each in programs._programs.items()} == compiled
    expected = expected_seconds(key, "cpu")
    assert 0 < expected.next <= expected.first
    other = ShortPieces(kind, training, networks, prepared.codec, songs, request | {"preset": "best"})
    assert other.are_compiled is (kind.presets["best"].generation == kind.presets["quick"].generation)


@pytest.mark.usefixtures("no_programs")
def test_it_ends_where_something_else_is_to_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    find("note_lstm", monkeypatch)
    rehearsing.rehearse(request_for("note_lstm"), "cpu", lambda: False)
    assert not programs._programs


@pytest.mark.usefixtures("no_programs")
def test_large_trainings_are_not_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    find("note_lstm", monkeypatch, number=30)
    request = request_for("note_lstm")
    rehearsing.rehearse({**request, "songs": request["songs"] * 30}, "cpu", lambda: True)
    monkeypatch.setattr(rehearsing, "free_memory_bytes", lambda: 1_000_000)
    rehearsing.rehearse(request, "cpu", lambda: True)
    assert not programs._programs
