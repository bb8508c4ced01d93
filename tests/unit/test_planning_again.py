"""Plans that are remembered, or made from songs that stay prepared, are those that would be made anew."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from runs_at_work import add_song, nobody_supervises, ticking

from musicgen.approaches import approach as find_approach
from musicgen.approaches import approaches
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, InvalidParameter, MusicgenError
from musicgen.runs import api, planner, planner_process, plans, preparing, remembered_plans, speeds
from musicgen.runs.api import Plan, SongChoice
from musicgen.runs.folders import planner_lock
from musicgen.runs.locks import FileLock
from musicgen.runs.planner import Planner
from musicgen.runs.preparing import Preparations
from musicgen.runs.ready_list import ready_processes
from musicgen.runs.traced import traced
from tests.makers_music import audio_song, midi_song

KEYS = sorted(approaches())
DRAWN = 6
FREE = ("epochs", "learning_rate", "gradient_clip", "weight_decay", "patience")  # what no plan may depend on


def drawn_value(field: Mapping[str, Any], rng: random.Random) -> Any:
    """Another value of a field, near its default."""
    for option in field.get("anyOf", [field]):
        if "enum" in option:
            return rng.choice(option["enum"])
        if option.get("type") == "boolean":
            return rng.random() < 0.5
        if option.get("type") in ("integer", "number"):
            value = (field.get("default") or 1) * rng.choice((0.5, 1.5, 2.0)) + rng.choice((0, 1))
            return round(value) if option["type"] == "integer" else value
    return field.get("default")


def drawn(kind: Approach, rng: random.Random) -> dict[str, Any]:
    """Valid settings: the tiny ones with up to two other values."""
    fields = kind.Training.model_json_schema()["properties"]
    while True:
        names = rng.sample(sorted(fields), rng.choice((1, 1, 2)))
        values = {**kind.tiny.training, **{name: drawn_value(fields[name], rng) for name in names}}
        try:
            return read_parameters(kind.Training, values).model_dump(mode="json")
        except InvalidParameter:
            continue


def outcome(
    preparations: Preparations, kind: Approach, training: Mapping[str, Any], seed: int = 1
) -> dict[str, Any] | str:
    request = {"approach": kind.key, "songs": [{"id": kind.medium}], "seed": seed, "training": training}
    try:
        return preparations.plan(request, *preparing.find(request)).to_json()
    except MusicgenError as error:
        return str(error)


@pytest.mark.parametrize("key", KEYS)
def test_all_that_a_plan_says_is_the_same_as_when_made_anew(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = find_approach(key)
    make = audio_song if kind.medium == "audio" else midi_song
    songs: list[TrainingSong] = [make(2_000 if kind.medium == "audio" else 12, number) for number in range(2)]
    monkeypatch.setattr(preparing, "find_songs", lambda _chosen: (songs, []))
    staying, rng, before = Preparations(), random.Random(key), list[dict[str, Any]]()
    tiny = read_parameters(kind.Training, kind.tiny.training).model_dump(mode="json")
    for training in [tiny, *(drawn(kind, rng) for _ in range(DRAWN)), tiny]:
        anew = outcome(Preparations(), kind, training)
        assert outcome(staying, kind, training) == anew, training
        for each in before:
            if all(training[name] == value for name, value in each["settings"].items()):
                assert each == anew, f"{training} with what was remembered"
        before += [anew] if isinstance(anew, dict) else []
    assert not set(before[0]["settings"]) & set(FREE)


@pytest.mark.parametrize("key", KEYS)
def test_songs_are_prepared_again_only_for_what_changes_them(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = find_approach(key)
    make = audio_song if kind.medium == "audio" else midi_song
    songs = [make(2_000 if kind.medium == "audio" else 12, number) for number in range(2)]
    monkeypatch.setattr(preparing, "find_songs", lambda _chosen: (songs, []))
    staying = Preparations()
    tiny = read_parameters(kind.Training, kind.tiny.training).model_dump(mode="json")
    first = outcome(staying, kind, tiny)
    assert outcome(staying, kind, {**tiny, "epochs": 7}) == first
    if "units" in tiny:
        wider = outcome(staying, kind, {**tiny, "units": 2 * tiny["units"]})
        assert wider["parameters"] > first["parameters"]  # type: ignore[index]
        assert wider["floors"] == first["floors"]  # type: ignore[index]
    assert staying.n_made == 1
    outcome(staying, kind, tiny, seed=2)
    assert staying.n_made == 2


def test_what_is_read_is_noted_however_it_is_read() -> None:
    kind = find_approach("note_lstm").Training
    every = set(kind.model_fields)
    training, reads = traced(kind(units=33))
    assert training.units == 33
    assert reads.settings() == {"units": 33}
    assert isinstance(training, kind)
    copied = training.model_copy(update={"units": 5, "epochs": 2})
    assert (copied.units, copied.epochs, copied.dropout) == (5, 2, kind().dropout)
    assert reads.names == {"units", "dropout"}, "what was replaced was not read"
    assert reads.hold_for({**reads.values, "epochs": 99})
    assert not reads.hold_for({**reads.values, "dropout": 0.123})
    for look in (hash, dict, repr, vars, lambda each: each.model_dump(), lambda each: each == kind(units=33)):
        training, reads = traced(kind(units=33))
        look(training)
        assert reads.names == every, look


# In the storage folder


@pytest.fixture
def song(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ticking(monkeypatch), nobody_supervises():
        yield add_song("A song")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans that were made in a process of their own."""
    made: list[str] = []
    run = plans.run_child

    def run_child(module: str, *arguments: Any, **options: Any) -> Any:
        made.append(module)
        return run(module, *arguments, **options)

    monkeypatch.setattr(plans, "run_child", run_child)
    return made


def plan(song: str, *, again_soon: bool = False, seed: int = 0, build: bool = False, **training: Any) -> Plan:
    return api.plan_training(
        "ticking", [SongChoice(song)], training, seed=seed, again_soon=again_soon, build=build, device="cpu"
    )


def test_a_plan_is_made_once_for_all_settings_that_do_not_matter(song: str, children: list[str]) -> None:
    first = plan(song)
    assert plan(song, epochs=9, steps=3) == first
    assert len(children) == 1
    assert plan(song, width=20).parameters == 20
    assert plan(song, seed=1) == first
    assert plan(song, build=True, width=77).parameters == 77
    assert len(children) == 4
    with pytest.raises(InvalidInput, match="0 windows"):
        plan(song, unlearnable=True)
    assert plan(song) == first
    speeds.remember_speed("ticking", "cpu", 5e7, 3e9)
    assert plan(song).seconds_per_epoch == pytest.approx(5e7 / 3e9), "as fast as the runs so far"
    assert len(children) == 5


def test_no_plan_outlives_its_songs_or_its_program(
    song: str, children: list[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    plan(song)
    sound = home / "songs" / song / "audio.wav"
    os.utime(sound, ns=(1, 1))
    plan(song)
    assert len(children) == 2, "its file is another one"
    monkeypatch.setattr(remembered_plans, "program_stamp", lambda: "a later version")
    plan(song)
    assert len(children) == 3
    for content in (b'{"plans": [{}]}', b"\x00" * 10):
        for path in (home / "plans").iterdir():
            path.write_bytes(content)
        plan(song)
    assert len(children) == 5, "what is damaged counts as absent"


@pytest.mark.slow
def test_few_plans_are_kept(song: str, children: list[str], monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(remembered_plans, "MAX_FILES", 2)
    monkeypatch.setattr(remembered_plans, "MAX_PLANS", 2)
    request = {"approach": "ticking", "songs": [], "build": False, "training": {}, "seed": 0}
    found = {**dict.fromkeys(remembered_plans.PARTS, 1), "settings": {}}
    for seed in range(5):
        remembered_plans.remember({**request, "seed": seed}, found)
    assert len(list((home / "plans").iterdir())) == 2
    for width in range(5):
        remembered_plans.remember(request, {**found, "settings": {"width": width}})
    kept = [remembered_plans.remembered({**request, "training": {"width": width}}) for width in range(5)]
    assert [each is not None for each in kept] == [False, False, False, True, True]
    monkeypatch.setattr(remembered_plans, "MAX_BYTES", 300)
    remembered_plans.remember(request, {**found, "facts": {"long": "x" * 300}})
    assert remembered_plans.remembered({**request, "training": {"width": 4}}) is None


# The process that stays


@pytest.fixture
def staying(song: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planner]:
    """A planner, and no plans that are remembered."""
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "5")
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "0")
    monkeypatch.setattr(plans, "remembered", lambda _request: None)
    made = Planner()
    monkeypatch.setattr(plans, "PLANNER", made)
    yield made
    made.close()


@pytest.mark.skipif(os.name != "posix", reason="no process stays on Windows")
def test_a_process_stays_for_the_next_plans(song: str, children: list[str], staying: Planner) -> None:
    first = plan(song, again_soon=True)
    pid = staying.pid
    assert pid is not None
    assert (pid, "plans on the Train page") in [(each.pid, each.what) for each in ready_processes()]
    assert plan(song, again_soon=True, width=33).parameters == 33
    with pytest.raises(InvalidInput, match="0 windows"):
        plan(song, again_soon=True, unlearnable=True)
    assert (staying.pid, children) == (pid, [])
    assert plan(song) == first, "made in a process of its own"
    os.kill(pid, signal.SIGKILL)  # at any moment
    assert plan(song, again_soon=True) == first
    assert staying.pid != pid
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(os.name != "posix", reason="no process stays on Windows")
@pytest.mark.slow
def test_killed_in_the_middle_of_a_plan_it_is_made_elsewhere(song: str, children: list[str], staying: Planner) -> None:
    first = plan(song, again_soon=True)
    pid = staying.pid
    assert pid is not None
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert plan(song, again_soon=True, prepare_ms=1500) == first
    killer.join()
    assert len(children) == 1


@pytest.mark.skipif(os.name != "posix", reason="no process stays on Windows")
@pytest.mark.slow
def test_there_is_one_process_in_a_storage_folder(song: str, children: list[str], staying: Planner) -> None:
    with FileLock(planner_lock()):
        assert plan(song, again_soon=True).parameters == 16
    assert len(children) == 1
    assert staying.pid is None


def test_it_is_started_only_where_there_is_room(
    song: str, children: list[str], staying: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "free_memory_bytes", lambda: 10**9)
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "4096")
    plan(song, again_soon=True)
    monkeypatch.setattr(planner, "free_memory_bytes", lambda: 10**11)
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "0")
    plan(song, again_soon=True)
    staying.start({})
    assert staying.pid is None
    assert len(children) == 2


def test_it_ends_when_nobody_asks_or_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "5")
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "1000")
    monkeypatch.setattr(planner_process, "free_memory_bytes", lambda: 600 << 20)
    assert planner_process.stays(299.0)
    assert not planner_process.stays(300.0)
    monkeypatch.setattr(planner_process, "free_memory_bytes", lambda: 400 << 20)
    assert not planner_process.stays(0.0)
    monkeypatch.setattr(planner_process, "free_memory_bytes", lambda: None)
    assert planner_process.stays(0.0)
    monkeypatch.setattr(planner_process, "MAX_BYTES", 1)
    assert not planner_process.stays(0.0)


@pytest.mark.slow
def test_a_changed_program_gets_a_new_process(song: str, staying: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(song, again_soon=True)
    pid = staying.pid
    monkeypatch.setattr(planner, "program_stamp", lambda: "a later version")
    plan(song, again_soon=True)
    assert staying.pid not in (pid, None)


@pytest.mark.slow
def test_it_ends_with_its_server(song: str, staying: Planner) -> None:
    plan(song, again_soon=True)
    pid = staying.pid
    assert pid is not None
    child = staying._child
    assert child is not None
    child._streams[0].close()  # as when the server is killed
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_is_kept_is_json(song: str, home: Path) -> None:
    plan(song)
    (path,) = (home / "plans").iterdir()
    assert json.loads(path.read_text())["plans"][0]["settings"] == {
        "unlearnable": False, "refuses": "", "prepare_ms": 0.0, "width": 16, "epoch_ms": 50.0,
    }  # fmt: skip
