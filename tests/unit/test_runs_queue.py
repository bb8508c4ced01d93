"""The queue with real workers: order, side by side, progress, cancel, pause and resume (J5, J6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from runs_at_work import add_song, epochs, start, ticking, until, wait_for_rest, weights, worker_pid

from musicgen.errors import WrongState
from musicgen.runs import api

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch):
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


def test_progress_while_it_trains(song: str) -> None:
    run_id = start(song, epochs=60, steps=10)
    until(lambda: api.get_run(run_id).progress.get("epoch", 0) >= 3)
    seen = api.get_run(run_id)
    assert seen.state == "running"
    progress = seen.progress
    assert progress["phase"] == "training"
    assert progress["epochs"] == 60
    assert 3 <= progress["epoch"] <= 60
    assert 0 <= progress["step"] <= progress["steps"] == 10
    assert 0 < progress["loss"] <= 1
    left, began = progress["seconds_left"], time.monotonic()
    run = wait_for_rest(run_id)
    took = time.monotonic() - began
    assert left / 4 < took < left * 4, "an estimate, on a machine that others use as well"
    assert run.state == "succeeded"


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


def test_a_cancelled_generation_keeps_what_was_made(song: str) -> None:
    run_id = start(song, epochs=1)
    wait_for_rest(run_id)
    task_id = api.submit_generation(run_id, {"piece_ms": 300}, count=50)
    until(lambda: api.list_outputs(task_id=task_id))
    seen = api.get_task(task_id)
    assert seen.is_active
    assert seen.progress["phase"] == "generating"
    assert seen.progress["steps"] == 50
    api.cancel(task_id)
    task = wait_for_rest(task_id)
    assert task.state == "cancelled"
    assert 0 < len(task.output_ids) < 50
    assert all((api.get_output(each).folder / "sidecar.json").is_file() for each in task.output_ids)
    with pytest.raises(WrongState, match="Only a training can be paused"):
        api.pause(task_id)


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
    with pytest.raises(WrongState, match="Only a run that has stopped can be resumed"):
        api.resume(stopped)
    run = wait_for_rest(stopped)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 9))
    assert f"Going on after epoch {done}." in "\n".join(run.log_tail(100))
    np.testing.assert_array_equal(weights(stopped), weights(plain))
