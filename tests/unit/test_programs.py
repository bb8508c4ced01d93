"""Compiled programs are shared by all networks that they fit, and by no others; memory stays level."""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from musicgen.approaches import approach, approaches
from musicgen.contract.made import Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.networks import programs
from musicgen.networks.backend import compiled, ops
from musicgen.networks.fingerprints import NoFingerprint, architecture, fingerprint
from tests.makers_music import audio_song, midi_song

pytestmark = pytest.mark.framework

ROOT = Path(__file__).resolve().parents[2]
KEYS = sorted(approaches())


@architecture
def linear(width: int, bias: float = 0.0) -> keras.Model:
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(width)(inputs) + bias)


def scaled(model: keras.Model, factor: float) -> Any:
    return lambda x: model(x) * factor


class TestFingerprints:
    def test_a_network_counts_as_what_it_was_built_from(self) -> None:
        assert fingerprint(linear(3)) == fingerprint(linear(3))
        assert len({fingerprint(linear(3)), fingerprint(linear(4)), fingerprint(linear(3, bias=1.0))}) == 3

    def test_a_function_counts_with_all_that_it_closes_over(self) -> None:
        one, two = linear(3), linear(3)
        assert fingerprint(scaled(one, 2.0)) == fingerprint(scaled(two, 2.0))
        assert fingerprint(scaled(one, 2.0)) != fingerprint(scaled(one, 3.0))
        assert fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
        assert fingerprint(functools.partial(scaled, one)) != fingerprint(functools.partial(scaled, linear(4)))

    @pytest.mark.parametrize(
        ("one", "other"), [
            (np.zeros(3), np.zeros(4)), (np.zeros(3), np.zeros(3, np.float32)), (np.zeros(3), np.ones(3)),
            ([1, 2], [2, 1]), ((1,), [1]), (1, 1.0), (1, True), ({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), ({1}, {2}),
        ],
    )  # fmt: skip
    def test_values_that_differ(self, one: Any, other: Any) -> None:
        assert fingerprint(one) != fingerprint(other)
        assert fingerprint(one) == fingerprint(one)

    def test_what_points_back_at_itself_has_an_end(self) -> None:
        one: list[Any] = [1]
        one.append(one)
        other: list[Any] = [1]
        other.append(other)
        assert fingerprint(one) == fingerprint(other)

    @pytest.mark.parametrize(
        "make", [lambda: ops.zeros((2,)), lambda: np.random.default_rng(0), lambda: keras.Sequential(), object]
    )
    def test_what_cannot_be_told_is_not_guessed(self, make: Any) -> None:
        with pytest.raises(NoFingerprint):
            fingerprint(make())


def test_a_shared_program_computes_with_the_weights_of_whoever_calls_it() -> None:
    one, two = linear(3), linear(3)
    x = np.float32([[1.0, -2.0]])
    for model in (one, two):
        np.testing.assert_allclose(compiled(scaled(model, 2.0), model)(x), 2 * np.asarray(model(x)), rtol=1e-6)
    assert not np.allclose(one(x), two(x))


def test_few_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_programs", type(programs._programs)())
    monkeypatch.setattr(programs, "MAX_PROGRAMS", 2)
    made: list[int] = []

    def make(number: int) -> list[int]:
        made.append(number)
        return [number]

    for number in (1, 2, 1, 3, 1, 2):
        assert programs.shared(lambda number=number: make(number), number) == [number]
    assert made == [1, 2, 3, 2]
    assert programs.shared(lambda: make(4), 4, weights=programs.MAX_WEIGHTS + 1) == [4]
    assert list(programs._programs.values()) == [[1], [2]]


def run_once(key: str, seed: int) -> None:
    """Build, train, sample and drop a network of the tiny preset."""
    kind = approach(key)
    training = read_parameters(kind.Training, kind.tiny.training)
    generation = read_parameters(kind.Generation, kind.tiny.generation)
    songs = (
        [audio_song(2_000, 0), audio_song(2_000, 1)] if kind.medium == "audio" else [midi_song(12, 0), midi_song(12)]
    )
    prepared = kind.prepare(songs, training, seed=1)
    networks = kind.build(prepared.codec, training, seed=seed)
    kind.fit(networks, prepared, training, seed=seed, monitor=SilentMonitor())
    list(
        kind.generate(networks, prepared.codec, training, Order(generation, [seed], songs, None, SilentMonitor()))
    )  # fmt: skip


def count_compiled() -> int:
    """Programs that TensorFlow has traced, and so compiled, once for each set of shapes."""
    return sum(each.experimental_get_tracing_count() for each in programs._programs.values())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX gives back what it compiled")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.slow
def test_a_second_network_compiles_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_programs", type(programs._programs)())
    run_once(key, 1)
    names, count = list(programs._programs), count_compiled()
    assert count >= 1
    run_once(key, 2)
    assert sorted(map(hash, programs._programs)) == sorted(map(hash, names))
    assert count_compiled() == count


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc (Linux)")
@pytest.mark.parametrize("key", sorted(approaches()))
def test_thirty_networks_take_the_memory_of_ten(key: str) -> None:
    """In a process of its own. Before programs were shared, each network of note_lstm added 110 MB."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, key], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    curve = [float(each) for each in done.stdout.split()]
    print(key, [round(each) for each in curve])
    assert len(curve) == 30
    assert max(curve[10:]) < curve[9] + 100, curve


if __name__ == "__main__":
    for number in range(30):
        run_once(sys.argv[1], number)
        gc.collect()
        print(resident_mb(), flush=True)
