"""Trainings from submission to the end: what is checked, recorded and kept, and what approaches do wrong.

The worker's work is done in this process here; see test_runs_queue for real ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, epochs, nobody_supervises, start, ticking, weights, work_here

from musicgen.errors import InvalidInput, InvalidParameter, MusicgenError, NotFound, WrongState
from musicgen.runs import api, states
from musicgen.runs.api import SongChoice
from musicgen.runs.control import Control
from musicgen.storage import database
from musicgen.storage.database import songs

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


def test_a_training_from_the_click_to_the_end(song: str) -> None:
    run_id = api.submit_training("ticking", [SongChoice(song)], {"epochs": 5}, preset="short", seed=7, name="  Mine ")
    waiting = api.get_run(run_id)
    assert waiting.is_active
    assert waiting.name == "Mine"
    assert waiting.request["training"]["epochs"] == 5
    assert waiting.request["songs"][0]["name"] == "A song"
    run = work_here(run_id)
    assert (run.state, run.reason, run.advice) == ("succeeded", "", "")
    assert epochs(run) == [1, 2, 3, 4, 5]
    assert run.best_epoch == 3
    assert run.history[0] | {"seconds": 0, "learning_rate": 0} == {
        "epoch": 1, "loss": 1.0, "val_loss": 3.0, "seconds": 0, "learning_rate": 0, "extra": {"accuracy": 0.5},
    }  # fmt: skip
    assert run.prepared["facts"]["n_windows"] == 7
    assert run.prepared["floors"] == {"silence": 1.5}
    assert (run.prepared["networks"], run.prepared["parameters"]) == (1, 16)
    assert run.progress["epoch"] == run.progress["epochs"] == 5
    assert run.progress["seconds_left"] is None
    assert run.progress["device"] == "cpu"
    assert [each["epoch"] for each in run.checkpoints if each["is_best"]] == [3]
    assert run.checkpoints[-1]["epoch"] == 5
    assert len(run.checkpoints) <= 5
    log = "\n".join(run.log_tail(100))
    for expected in ("A song", "floor, silence: 1.5", "It is only a test.", "epoch 5 of 5", "Succeeded."):
        assert expected in log
    assert run.can_generate
    assert run.started_at < run.finished_at


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"approach": "magic"}, NotFound, "Known approaches"),
        ({"training": {"epochs": 0}}, InvalidParameter, "epochs"),
        ({"training": {"hope": 1}}, InvalidParameter, "hope is not a parameter"),
        ({"preset": "huge"}, InvalidParameter, "Presets of ticking are short"),
        ({"seed": -1}, InvalidParameter, "seed"),
        ({"device": "gpu:7"}, NotFound, "The device must be one of auto, cpu"),
        ({"songs": []}, InvalidInput, "at least one song"),
        ({"songs": ["song-000000000000"]}, NotFound, "song"),
        ({"songs": ["../../etc/passwd"]}, NotFound, "song id"),
        ({"songs": ["same", "same"]}, InvalidInput, "once"),
        ({"songs": ["midi"]}, InvalidInput, "learns from audio"),
        ({"tracks": (0, 5)}, InvalidInput, "has the tracks 0, 1"),
        ({"tracks": ()}, InvalidInput, "has the tracks 0, 1"),
    ],
)
def test_what_cannot_be_submitted(given: dict[str, Any], error: type[MusicgenError], said: str) -> None:
    known = {"same": add_song("S", tracks=2), "midi": add_song("M", medium="midi")}
    chosen = [SongChoice(known.get(each, each), given.get("tracks")) for each in given.get("songs", ["same"])]
    with pytest.raises(error, match=said):
        api.submit_training(
            given.get("approach", "ticking"),
            chosen,
            given.get("training", {}),
            preset=given.get("preset", ""),
            seed=given.get("seed", 0),
            device=given.get("device", "auto"),
        )
    assert api.list_runs() == []
    assert api.list_tasks() == []


def test_a_double_click_is_one_run_and_several_clicks_at_once_are_several(song: str) -> None:
    """J6: forty clicks, five for each of eight buttons."""
    ids: list[str] = []
    barrier = threading.Barrier(8)

    def click(button: int) -> None:
        barrier.wait()
        for _ in range(5):
            ids.append(api.submit_training("ticking", [SongChoice(song)], {"epochs": 1}, submit_key=f"button-{button}"))

    threads = [threading.Thread(target=click, args=(button,)) for button in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 40
    assert len(set(ids)) == len(api.list_runs()) == len(api.list_tasks()) == 8


def test_a_finished_run_goes_on_with_more_epochs(song: str) -> None:
    run_id, plain = start(song, epochs=2), start(song, epochs=4)
    work_here(run_id)
    with pytest.raises(WrongState, match="more epochs"):
        api.resume(run_id)
    with pytest.raises(WrongState, match="more epochs"):
        api.resume(run_id, epochs=2)
    with pytest.raises(InvalidParameter, match="epochs"):
        api.resume(run_id, epochs=10**9)
    api.resume(run_id, epochs=4)
    run, _ = work_here(run_id), work_here(plain)
    assert (run.state, epochs(run), run.request["training"]["epochs"]) == ("succeeded", [1, 2, 3, 4], 4)
    np.testing.assert_array_equal(weights(run_id), weights(plain))


def test_the_last_epoch_is_kept_where_an_approach_stops_by_itself(song: str) -> None:
    run_id = start(song, epochs=50, stop_at=6, best=1, epoch_ms=1)
    run = work_here(run_id)
    assert run.state == "succeeded"
    assert epochs(run) == [1, 2, 3, 4, 5, 6]
    assert run.checkpoints[-1]["epoch"] == 6


def test_a_wish_that_comes_with_the_last_epoch_comes_too_late(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Control.wants_rest

    def pressed_now(control: Control) -> bool:
        states.express(control.task_id, states.PAUSE)
        return look(control)

    monkeypatch.setattr(Control, "wants_rest", pressed_now)
    assert work_here(start(song, epochs=1)).state == "succeeded"
    assert work_here(start(song, epochs=2)).state == "paused"


@pytest.mark.parametrize("how", ["loss", "weights"])
def test_numbers_that_are_not_finite_stop_the_run_with_advice(song: str, how: str) -> None:
    """J8: the last good weights are kept, and no others."""
    run = work_here(start(song, epochs=8, **{f"nan_{how}_at": 4}))
    assert run.state == "failed"
    assert "finite" in run.reason
    assert "earning_rate" in run.advice
    assert epochs(run) == [1, 2, 3]
    assert all(each["is_complete"] and each["epoch"] <= 3 for each in run.checkpoints)
    assert np.isfinite(weights(run.id)).all()
    assert work_here(api.submit_generation(run.id, {})).state == "succeeded"


def test_our_own_mistakes_are_told_from_those_of_the_user(song: str) -> None:
    bug = work_here(start(song, epochs=4, bug_at=2))
    assert bug.state == "failed"
    assert "ZeroDivisionError" in bug.reason
    assert any("1 // 0" in line for line in bug.log_tail(40))
    memory = work_here(start(song, epochs=4, oom_at=2))
    assert memory.state == "failed"
    assert "memory" in memory.reason
    assert "batch_size" in memory.advice
    impossible = work_here(start(song, unlearnable=True))
    assert (impossible.state, impossible.reason) == ("failed", "Nothing can be learned here: 0 windows of 1.")


def test_a_full_disk_pauses_the_run(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = start(song, epochs=3)
    with monkeypatch.context() as patch:
        patch.setenv("MUSICGEN_MIN_FREE_MB", str(10**9))
        run = work_here(run_id)
    assert run.state == "paused"
    assert "MB free" in run.reason
    assert "Resuming continues" in run.advice
    assert run.history == []
    api.resume(run_id)
    assert work_here(run_id).state == "succeeded"


def test_a_song_that_was_removed_is_named_and_its_runs_still_generate(song: str) -> None:
    run_id = start(song, epochs=2)
    work_here(run_id)
    database.change(songs.delete())
    with pytest.raises(NotFound, match="“A song”, no longer in the library"):
        api.resume(run_id, epochs=4)
    assert api.get_run(run_id).state == "succeeded"
    assert api.get_run(run_id).request["training"]["epochs"] == 2
    assert work_here(api.submit_generation(run_id, {})).state == "succeeded"


def test_rename_search_and_delete(song: str) -> None:
    first, second = start(song, epochs=1), start(song, epochs=1)
    for each in (first, second):
        work_here(each)
    assert api.get_run(first).name == "Ticking: A song"
    api.rename_run(first, "50 % <b>faster</b>\u202e")
    assert api.get_run(first).name == "50 % <b>faster</b>"
    with pytest.raises(InvalidInput, match="name"):
        api.rename_run(first, " \u200b ")
    assert [run.id for run in api.list_runs(search="50 %")] == [first]
    assert api.list_runs(search="5_ %") == []
    assert [run.id for run in api.list_runs()] == [second, first]
    assert [run.id for run in api.list_runs(limit=1)] == [second]
    task = work_here(api.submit_generation(first, {}))
    output = api.get_output(task.output_ids[0])
    api.delete_run(first)
    assert not api.get_run(second).folder.with_name(first).exists()
    assert not output.folder.exists()
    for look, name in ((api.get_run, first), (api.get_output, output.id), (api.get_task, task.id)):
        with pytest.raises(NotFound):
            look(name)
    assert [run.id for run in api.list_runs()] == [second]


@pytest.mark.parametrize(
    "hostile", ["run-1", "../../etc", "run-000000000000/..", "", "run-00000000000g", "task-000000000000"]
)
def test_nothing_but_an_id_reaches_the_files(home: Path, hostile: str) -> None:
    for action in (
        api.get_run,
        api.cancel,
        api.pause,
        api.resume,
        api.delete_run,
        api.delete_output,
        api.export_run,
        api.regenerate,
        api.get_output,
    ):
        with pytest.raises(NotFound):
            action(hostile)
    assert json.dumps(sorted(path.name for path in home.iterdir() if path.is_dir())) == "[]"
