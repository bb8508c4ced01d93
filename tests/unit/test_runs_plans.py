"""What a training would be, and on what: plans, speeds, devices, versions. None of it loads a framework here."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from runs_at_work import add_song, nobody_supervises, start, ticking, work_here

from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import Cost
from musicgen.errors import InvalidInput, InvalidParameter, NotFound, ResourceUnavailable
from musicgen.processes import ROOT
from musicgen.runs import api, devices, plans, room, speeds
from musicgen.runs.api import SongChoice
from musicgen.runs.devices import Device, list_devices, pick_device
from musicgen.runs.versions import versions

HEAVY = ("tensorflow", "keras", "jax", "librosa", "music21", "numba", "scipy", "symusic", "soundfile", "streamlit")


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


def test_a_plan(song: str) -> None:
    plan = api.plan_training("ticking", [SongChoice(song)], {"epoch_ms": 1000}, preset="short", seed=3)
    assert plan.facts["n_windows"] == 7
    assert plan.floors == {"silence": 1.5}
    assert plan.warnings == ("It is only a test.",)
    assert (plan.networks, plan.parameters) == (1, 16)
    assert plan.memory_bytes == 600_000_000
    assert plan.seconds_per_epoch == pytest.approx(1e9 / speeds.speed("ticking", "cpu", 1e9))
    assert not plan.is_measured
    assert api.list_runs() == []


def test_a_plan_goes_by_the_speed_of_earlier_runs(song: str) -> None:
    """`ticking` reckons with 1e6 operations for each millisecond of an epoch."""
    work_here(start(song, epochs=3, epoch_ms=100))
    plan = api.plan_training("ticking", [SongChoice(song)], {"epoch_ms": 200})
    assert plan.is_measured
    assert 0.1 < plan.seconds_per_epoch < 0.8
    assert not api.plan_training("ticking", [SongChoice(song)], {"epoch_ms": 40_000}).is_measured


def test_a_plan_can_count_on_the_built_network(song: str) -> None:
    plan = api.plan_training("ticking", [SongChoice(song)], {"width": 77}, build=True)
    assert (plan.networks, plan.parameters) == (1, 77)


def test_what_cannot_be_planned_is_said_in_a_sentence(song: str) -> None:
    with pytest.raises(InvalidInput, match="0 windows of 1"):
        api.plan_training("ticking", [SongChoice(song)], {"unlearnable": True})
    with pytest.raises(InvalidParameter, match="epochs"):
        api.plan_training("ticking", [SongChoice(song)], {"epochs": 0})
    with pytest.raises(InvalidInput, match="at least one song"):
        api.plan_training("ticking", [], {})
    with pytest.raises(NotFound, match="device must be one of"):
        api.plan_training("ticking", [SongChoice(song)], {}, device="gpu:3")


def test_what_does_not_fit_into_memory_is_refused(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(total=10**8))
    with pytest.raises(InvalidInput, match="fit into the 100 MB of memory"):
        api.plan_training("ticking", [SongChoice(song)], {})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=10**8))
    assert "may become slow" in api.plan_training("ticking", [SongChoice(song)], {}).warnings[-1]
    assert room.tightness(10**9, "gpu:0") == ()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=10**10))
    plan = api.plan_training("ticking", [SongChoice(song)], {})
    assert plan.warnings == ("It is only a test.",), "the memory of the moment was remembered"


def test_a_speed_counts_for_settings_that_are_as_fast() -> None:
    from musicgen.approaches import approach

    kind = approach("note_lstm")
    with_recall, without = (
        speeds.speed_name(kind, read_parameters(kind.Training, {"recall": recall})) for recall in (True, False)
    )
    assert with_recall != without
    other = read_parameters(kind.Training, {"recall": True, "units": 8, "epochs": 3})
    assert speeds.speed_name(kind, other) == with_recall
    plain = approach("audio_wavenet")
    assert speeds.speed_name(plain, read_parameters(plain.Training, {})) == "audio_wavenet"


def test_speeds_are_blended_and_nonsense_is_not_believed(home: Path) -> None:
    assert speeds.speed("a", "gpu:0", 1e9) == speeds.GPU_SPEED
    speeds.remember_speed("a", "cpu", 1e9, 4e9)
    assert speeds.speed("a", "cpu", 1e9) == 4e9
    speeds.remember_speed("a", "cpu", 1.1e9, 2e9)
    assert speeds.speed("a", "cpu", 0.9e9) == 3e9
    for nonsense in (0.0, -1.0, float("inf"), float("nan")):
        speeds.remember_speed("a", "cpu", 1e9, nonsense)
    assert speeds.speed("a", "cpu", 1e9) == 3e9
    (home / "speeds.json").write_text("{")
    assert speeds.speed("a", "cpu", 1e9) < 1e12


def test_speeds_of_the_nearest_size_of_step_count(home: Path) -> None:
    speeds.remember_speed("a", "cpu", 1e6, 1e9)
    speeds.remember_speed("a", "cpu", 1e10, 9e9)
    assert [speeds.speed("a", "cpu", step) for step in (1.0, 1e6, 1e7, 1e9, 1e15)] == [1e9, 1e9, 1e9, 9e9, 9e9]
    assert [speeds.is_measured("a", "cpu", step) for step in (1e6, 1e7)] == [True, False]


def test_a_first_guess_is_within_a_factor_of_four_of_what_was_measured_on_two_cores(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured: two kinds of machine, the slower at about half of these speeds."""
    monkeypatch.setattr(speeds, "usable_cores", lambda: 2)
    measured = {3e6: 30e9, 3.3e8: 62e9, 3.6e9: 75e9, 6e9: 139e9, 2e10: 165e9, 6.4e10: 181e9}
    for step, reached in measured.items():
        assert reached / 4 < speeds.speed("a", "cpu", step) < reached, step
    assert speeds.speed("a", "cpu", 0.0) > 0
    assert speeds.speed("a", "cpu", 1e30) == 2 * speeds.FASTEST_CORE


def test_operations_of_a_step() -> None:
    cost = Cost(1, 1, 1000.0, 1)
    batched = types.SimpleNamespace(batch_size=3)
    assert speeds.flops_per_step(cost, {"n_windows": 10}, batched) == 250.0
    assert speeds.flops_per_step(cost, {}, batched) == 1000.0
    assert speeds.flops_per_step(cost, {"n_windows": 10}, types.SimpleNamespace()) == 1000.0


def test_without_a_device_file_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_nodes", list)
    monkeypatch.setattr(devices, "run_child", None)
    (cpu,) = list_devices()
    assert cpu.id == "cpu"
    assert "cores" in cpu.label


def with_gpus(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    """Two GPUs, as far as /dev is concerned; `answer` is what the child says."""
    asked: list[str] = []

    def run_child(module: str, *_arguments: Any, **_options: Any) -> Any:
        asked.append(module)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(devices, "_nodes", lambda: ["nvidia0", "nvidia1"])
    monkeypatch.setattr(devices, "run_child", run_child)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return asked


GPUS = [{"id": "gpu:0", "label": "GPU 0, A"}, {"id": "gpu:1", "label": "GPU 1, B"}]


def test_gpus_are_asked_for_once_and_picked_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = with_gpus(monkeypatch, GPUS)
    together = Device("gpu:all", "All 2 GPUs together")
    assert list_devices()[1:] == [together, Device("gpu:0", "GPU 0, A"), Device("gpu:1", "GPU 1, B")]
    assert pick_device("auto", ()) == pick_device("auto", {"cpu"}) == "gpu:all"
    assert pick_device("auto", (), together=False) == "gpu:0"
    assert pick_device("auto", {"gpu:all"}) is None
    assert pick_device("auto", {"gpu:all"}, together=False) is None
    assert pick_device("gpu:all", {"gpu:1"}) is None
    assert pick_device("gpu:0", {"gpu:all"}) is None
    assert pick_device("auto", {"gpu:0"}) == "gpu:1"
    assert pick_device("auto", {"gpu:0", "gpu:1"}) is None
    assert pick_device("gpu:1", {"gpu:1"}) is None
    assert pick_device("cpu", {"gpu:0"}) == "cpu"
    assert pick_device("cpu", {"cpu"}) is None
    with pytest.raises(NotFound, match="auto, cpu, gpu:all, gpu:0, gpu:1"):
        pick_device("gpu:2", ())
    assert len(asked) == 1
    assert plans._device("auto") == "gpu:all"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    list_devices()
    assert len(asked) == 2, "what is visible has changed"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert [device.id for device in list_devices()] == ["cpu"]


def test_a_broken_driver_leaves_the_cpu(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    asked = with_gpus(monkeypatch, ResourceUnavailable("crashed"))
    assert [device.id for device in list_devices()] == ["cpu"]
    assert pick_device("auto", ()) == "cpu"
    assert len(asked) == 2, "asked again: it may work next time"
    (home / "devices.json").write_text("[")
    with_gpus(monkeypatch, GPUS)
    assert len(list_devices()) == 4


def test_versions_load_nothing() -> None:
    found = versions()
    assert found["python"] == sys.version.split()[0]
    assert found["backend"] == "tensorflow"
    assert found["numpy"]


def test_pages_can_import_the_api_without_anything_heavy() -> None:
    script = f"""
import sys
import musicgen.runs.api, musicgen.runs.devices, musicgen.runs.supervisor
found = sorted(set({HEAVY!r}) & set(sys.modules))
assert not found, found
"""
    done = subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
    assert done.returncode == 0
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
