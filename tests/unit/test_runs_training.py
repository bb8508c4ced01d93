"""Trainings from the click to the end, in real workers: queue, cancel, pause, resume, and approaches that misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, ticking, until, wait_for_rest, worker_pid

from musicgen.errors import InvalidInput, InvalidParameter, MusicgenError, NotFound, WrongState
from musicgen.runs import api
from musicgen.runs.api import SongChoice
from musicgen.runs.records import Run
from musicgen.storage import database
from musicgen.storage.database import songs


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch):
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


def start(song: str, *, seed: int = 0, **training: Any) -> str:
    return api.submit_training("ticking", [SongChoice(song)], training, seed=seed)


def weights(run_id: str, choice: str = "last") -> Any:
    from musicgen.runs.checkpoints import Checkpoints

    chosen = Checkpoints(api.get_run(run_id).folder / "checkpoints").chosen(choice)[0]
    return np.load(chosen.folder / "weights.npy", allow_pickle=False)


def epochs(run: Run) -> list[int]:
    return [row["epoch"] for row in run.history]


def test_a_training_from_the_click_to_the_end(song: str) -> None:
    run_id = api.submit_training("ticking", [SongChoice(song)], {"epochs": 5}, preset="short", seed=7, name="  Mine ")
    waiting = api.get_run(run_id)
    assert waiting.is_active
    assert waiting.name == "Mine"
    assert waiting.request["training"]["epochs"] == 5
    assert waiting.request["songs"][0]["name"] == "A song"
    run = wait_for_rest(run_id)
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
    assert len(run.checkpoints) <= 3
    log = "\n".join(run.log_tail(100))
    for expected in ("A song", "floor, silence: 1.5", "It is only a test.", "epoch 5 of 5", "Succeeded."):
        assert expected in log
    assert run.can_generate
    assert run.started_at < run.finished_at


def test_progress_while_it_trains(song: str) -> None:
    run_id = start(song, epochs=60, steps=10)
    until(lambda: len(api.get_run(run_id).history) >= 3)
    seen = api.get_run(run_id)
    assert seen.state == "running"
    progress = seen.progress
    assert progress["phase"] == "training"
    assert progress["epochs"] == 60
    assert abs(progress["epoch"] - len(seen.history)) <= 2
    assert 0 <= progress["step"] <= progress["steps"] == 10
    assert 0 < progress["loss"] <= 1
    left, began = progress["seconds_left"], time.monotonic()
    run = wait_for_rest(run_id)
    took = time.monotonic() - began
    assert left / 4 < took < left * 4, "an estimate, on a machine that others use as well"
    assert run.state == "succeeded"


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"approach": "magic"}, NotFound, "Known approaches"),
        ({"training": {"epochs": 0}}, InvalidParameter, "epochs"),
        ({"training": {"hope": 1}}, InvalidParameter, "hope is not a parameter"),
        ({"preset": "huge"}, InvalidParameter, "Presets of ticking are short"),
        ({"seed": -1}, InvalidParameter, "seed"),
        ({"device": "gpu:7"}, NotFound, "Devices here are auto, cpu"),
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


def test_runs_wait_for_each_other_in_order(song: str) -> None:
    first, second, third = (start(song, epochs=6) for _ in range(3))
    until(lambda: api.get_run(first).state == "running")
    assert [api.get_run(each).state for each in (second, third)] == ["queued", "queued"]
    assert api.get_run(second).progress["phase"] == "waiting"
    api.cancel(second)
    assert api.get_run(second).state == "cancelled"
    assert not api.get_run(second).can_generate
    rested = [wait_for_rest(each) for each in (first, third)]
    assert [run.state for run in rested] == ["succeeded", "succeeded"]
    assert rested[0].finished_at <= rested[1].started_at


def test_generating_does_not_wait_for_another_training(song: str) -> None:
    trained = start(song, epochs=2)
    wait_for_rest(trained)
    long = start(song, epochs=2000)
    worker_pid(long)
    task = wait_for_rest(api.submit_generation(trained, {}))
    assert task.state == "succeeded"
    # … not even for itself: what it has learned so far can be heard.
    until(lambda: api.get_run(long).can_generate)
    task = wait_for_rest(api.submit_generation(long, {}))
    assert task.state == "succeeded"
    assert api.get_run(long).state == "running"
    with pytest.raises(WrongState, match="Cancel it first"):
        api.delete_run(long)
    api.cancel(long)
    wait_for_rest(long)


def test_cancel_stops_at_once_and_keeps_what_was_learned(song: str) -> None:
    run_id = start(song, epochs=50, epoch_ms=2000, steps=40)
    worker_pid(run_id)
    until(lambda: api.get_run(run_id).progress.get("step", 0) > 3)
    api.cancel(run_id)
    assert api.get_run(run_id).is_stopping
    began = time.monotonic()
    run = wait_for_rest(run_id)
    assert time.monotonic() - began < 2.0
    assert run.state == "cancelled"
    assert [(each["epoch"], each["is_complete"]) for each in run.checkpoints] == [(1, False)]
    assert run.can_generate
    assert wait_for_rest(api.submit_generation(run_id, {})).state == "succeeded"
    api.cancel(run_id)  # once more does no harm


def test_cancel_interrupts_long_preparations(song: str) -> None:
    run_id = start(song, prepare_ms=60_000)
    until(lambda: api.get_run(run_id).progress.get("phase") == "preparing")
    began = time.monotonic()
    api.cancel(run_id)
    assert wait_for_rest(run_id).state == "cancelled"
    assert time.monotonic() - began < 3.0


def test_paused_and_resumed_is_the_same_as_never_stopped(song: str) -> None:
    plain = start(song, seed=3, epochs=8)
    stopped = start(song, seed=3, epochs=8)
    wait_for_rest(plain)
    until(lambda: len(api.get_run(stopped).history) >= 2)
    api.pause(stopped)
    assert "at the end of this epoch" in api.get_run(stopped).reason or not api.get_run(stopped).is_active
    run = wait_for_rest(stopped)
    assert run.state == "paused"
    done = len(run.history)
    assert 2 <= done < 8
    assert run.checkpoints[-1]["epoch"] == done
    api.pause(stopped)  # once more does no harm
    api.resume(stopped)
    with pytest.raises(WrongState, match="at rest"):
        api.resume(stopped)
    run = wait_for_rest(stopped)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 9))
    assert f"Going on after epoch {done}." in "\n".join(run.log_tail(100))
    np.testing.assert_array_equal(weights(stopped), weights(plain))


def test_a_finished_run_goes_on_with_more_epochs(song: str) -> None:
    run_id, plain = start(song, epochs=2), start(song, epochs=4)
    wait_for_rest(run_id)
    with pytest.raises(WrongState, match="more epochs"):
        api.resume(run_id)
    with pytest.raises(WrongState, match="more epochs"):
        api.resume(run_id, epochs=2)
    with pytest.raises(InvalidParameter, match="epochs"):
        api.resume(run_id, epochs=10**9)
    api.resume(run_id, epochs=4)
    run, _ = wait_for_rest(run_id), wait_for_rest(plain)
    assert (run.state, epochs(run), run.request["training"]["epochs"]) == ("succeeded", [1, 2, 3, 4], 4)
    np.testing.assert_array_equal(weights(run_id), weights(plain))


def test_the_last_epoch_is_kept_where_an_approach_stops_by_itself(song: str) -> None:
    run_id = start(song, epochs=50, stop_at=6, best=1, epoch_ms=1)
    run = wait_for_rest(run_id)
    assert run.state == "succeeded"
    assert epochs(run) == [1, 2, 3, 4, 5, 6]
    assert run.checkpoints[-1]["epoch"] == 6


@pytest.mark.parametrize("how", ["loss", "weights"])
def test_numbers_that_are_not_finite_stop_the_run_with_advice(song: str, how: str) -> None:
    """J8: the last good weights are kept, and no others."""
    run = wait_for_rest(start(song, epochs=8, **{f"nan_{how}_at": 4}))
    assert run.state == "failed"
    assert "finite" in run.reason
    assert "earning_rate" in run.advice
    assert epochs(run) == [1, 2, 3]
    assert all(each["is_complete"] and each["epoch"] <= 3 for each in run.checkpoints)
    assert np.isfinite(weights(run.id)).all()
    assert wait_for_rest(api.submit_generation(run.id, {})).state == "succeeded"


def test_our_own_mistakes_are_told_from_those_of_the_user(song: str) -> None:
    bug = wait_for_rest(start(song, epochs=4, bug_at=2))
    assert bug.state == "failed"
    assert "ZeroDivisionError" in bug.reason
    assert any("1 // 0" in line for line in bug.log_tail(40))
    assert "a library said something" in (bug.folder / "console.txt").read_text()
    memory = wait_for_rest(start(song, epochs=4, oom_at=2))
    assert memory.state == "failed"
    assert "memory" in memory.reason
    assert "batch_size" in memory.advice
    impossible = wait_for_rest(start(song, unlearnable=True))
    assert (impossible.state, impossible.reason) == ("failed", "Nothing can be learned here: 0 windows of 1.")


def test_a_full_disk_pauses_the_run(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The supervisor inherits the setting, and its workers from it: for them the disk is too full to save anything.
    with monkeypatch.context() as patch:
        patch.setenv("MUSICGEN_MIN_FREE_MB", str(10**9))
        run_id = start(song, epochs=3)
        run = wait_for_rest(run_id)
    assert run.state == "paused"
    assert "MB free" in run.reason
    assert "resume" in run.advice
    assert run.history == []
    with ticking(monkeypatch):  # a new supervisor, which sees room again
        pass
    with ticking(monkeypatch):
        api.resume(run_id)
        assert wait_for_rest(run_id).state == "succeeded"


def test_a_song_that_was_removed_is_named_and_its_runs_still_generate(song: str) -> None:
    run_id = start(song, epochs=2)
    wait_for_rest(run_id)
    database.change(songs.delete())
    with pytest.raises(NotFound, match="“A song” removed"):
        api.resume(run_id, epochs=4)
    assert api.get_run(run_id).state == "succeeded"
    assert api.get_run(run_id).request["training"]["epochs"] == 2
    assert wait_for_rest(api.submit_generation(run_id, {})).state == "succeeded"


def test_rename_search_and_delete(song: str) -> None:
    first, second = start(song, epochs=1), start(song, epochs=1)
    for each in (first, second):
        wait_for_rest(each)
    assert api.get_run(first).name == "Ticking: A song"
    api.rename_run(first, "50 % <b>faster</b>\u202e")
    assert api.get_run(first).name == "50 % <b>faster</b>"
    with pytest.raises(InvalidInput, match="name"):
        api.rename_run(first, " \u200b ")
    assert [run.id for run in api.list_runs(search="50 %")] == [first]
    assert api.list_runs(search="5_ %") == []
    assert [run.id for run in api.list_runs()] == [second, first]
    assert [run.id for run in api.list_runs(limit=1)] == [second]
    task = wait_for_rest(api.submit_generation(first, {}))
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
