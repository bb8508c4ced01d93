"""The moves of a task: one winner each time, and ghosts change nothing (J2, J5, J6, J9)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from runs_at_work import add_task

from musicgen.runs import liveness, states
from musicgen.runs.api import count_active, count_ahead
from musicgen.runs.folders import LOG, WORKER, WORKER_LOCK, task_folder
from musicgen.runs.identity import identity
from musicgen.runs.locks import FileLock
from musicgen.storage import database
from musicgen.storage.files import write_json

pytestmark = pytest.mark.record


@pytest.fixture
def task(home: Path) -> dict[str, Any]:
    return add_task()


def state_of(task: dict[str, Any]) -> str:
    row = states.read_task(task["id"])
    assert row is not None
    return str(row["state"])


def test_a_life(task: dict[str, Any]) -> None:
    assert states.claim(task["id"], "f1", "cpu")
    assert not states.claim(task["id"], "f2", "cpu"), "claimed already"
    assert not states.begin(task["id"], "f2", 1), "another fence"
    assert states.begin(task["id"], "f1", 4711)
    assert states.wish_for(task["id"], "f1") == ""
    assert states.remark(task["id"], "f1", "It may hang.")
    assert states.finish(task["id"], "f1", states.SUCCEEDED)
    row = states.read_task(task["id"])
    assert row is not None
    assert (row["state"], row["device"], row["pid"], row["fence"], row["reason"]) == ("succeeded", "cpu", None, "", "")
    assert row["finished_at"] >= row["started_at"]


def test_a_ghost_changes_nothing(task: dict[str, Any]) -> None:
    states.claim(task["id"], "f1", "cpu")
    states.begin(task["id"], "f1", 1)
    assert states.put_back(task["id"], "f1", {"device": "auto"})
    assert states.claim(task["id"], "f2", "cpu")
    assert states.wish_for(task["id"], "f1") is None
    for attempt in (
        states.begin(task["id"], "f1", 1),
        states.finish(task["id"], "f1", states.FAILED, "no"),
        states.remark(task["id"], "f1", "no"),
        states.advise(task["id"], "f1", "no"),
        states.put_back(task["id"], "f1", {}),
    ):
        assert not attempt
    assert state_of(task) == states.STARTING


def test_of_many_that_claim_one_wins(task: dict[str, Any]) -> None:
    wins: list[bool] = []
    barrier = threading.Barrier(8)

    def claim(number: int) -> None:
        barrier.wait()
        wins.append(states.claim(task["id"], f"f{number}", "cpu"))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("state", "cancelled", "paused"),
    [
        ("queued", "cancelled", "paused"),
        ("starting", "wish", "wish"),
        ("running", "wish", "wish"),
        ("paused", "cancelled", ""),
        ("succeeded", "", ""),
        ("failed", "", ""),
        ("cancelled", "", ""),
    ],
)
def test_what_a_wish_does_in_each_state(home: Path, state: str, cancelled: str, paused: str) -> None:
    for wish, target, expected in (("cancel", "cancelled", cancelled), ("pause", "paused", paused)):
        task = add_task(state, fence="f")
        at_once = states.stop_waiting(task["id"], target)
        left = states.express(task["id"], wish)
        assert at_once == (expected == target)
        assert left == (expected == "wish")
        row = states.read_task(task["id"])
        assert row is not None
        assert row["state"] == (target if at_once else state)
        assert row["wish"] == (wish if left else "")


def test_a_wish_to_cancel_is_not_softened(home: Path) -> None:
    task = add_task("running", fence="f")
    assert states.express(task["id"], "pause")
    assert states.express(task["id"], "cancel")
    assert not states.express(task["id"], "pause")
    assert states.wish_for(task["id"], "f") == "cancel"


def test_queueing_again_goes_to_the_end_of_the_queue(home: Path) -> None:
    first, second = add_task("failed"), add_task()
    with database.engine().begin() as connection:
        assert states.queue_again(connection, first["id"], {"device": "cpu"})
        assert not states.queue_again(connection, first["id"], {"device": "cpu"})
        assert not states.queue_again(connection, second["id"], {"device": "cpu"}), "it waits already"
    assert [row["id"] for row in states.active_tasks()] == [second["id"], first["id"]]


def test_of_thousands_that_wait_only_the_next_are_read(home: Path) -> None:
    """For each device and kind, in the order of the queue; so nobody waits behind those for another device."""
    kinds = [("train", "auto"), ("generate", "auto"), ("train", "gpu:1")]
    waiting = [add_task(kind=kind, device=device) for kind, device in kinds[:1] * 20 + kinds[1:] * 2]
    add_task("running", fence="f"), add_task("paused")
    expected = [*waiting[: states.STARTED_TOGETHER], *waiting[20:]]
    assert [each["id"] for each in states.next_waiting()] == [each["id"] for each in expected]
    assert [each["state"] for each in states.tasks_at_work()] == ["running"]


def test_how_many_are_ahead(home: Path) -> None:
    first, second, third = add_task("running", fence="f"), add_task("failed"), add_task()
    again = add_task(kind="generate", run_id=third["run_id"])
    last = add_task()
    assert [count_ahead(each["id"]) for each in (first, third, last)] == [0, 1, 3]
    assert count_ahead(third["run_id"]) == 1
    assert count_ahead(again["id"]) == 2
    assert count_ahead(second["run_id"]) == 0, "it does not wait"
    assert (count_active(), count_active("train")) == (4, 3)


def make_folder(task: dict[str, Any], **known: Any) -> Path:
    folder = task_folder(task["kind"], task["run_id"], task["id"])
    folder.mkdir(parents=True)
    write_json(folder / WORKER, {**identity(), **known})
    return folder


def test_a_dead_worker_is_settled_once(home: Path) -> None:
    task = add_task("running", fence="f")
    folder = make_folder(task)
    assert liveness.settle(task, -9)
    row = states.read_task(task["id"])
    assert row is not None
    assert row["state"] == "failed"
    assert "killed (SIGKILL)" in row["reason"]
    assert "resuming starts from the beginning" in row["advice"]
    assert "killed (SIGKILL)" in (folder / LOG).read_text()
    assert not liveness.settle(task, -9)


@pytest.mark.parametrize(
    ("exit_code", "verdict", "said"),
    [
        (-11, "", "SIGSEGV"),
        (3, "", "exit status 3"),
        (None, "", "gone"),
        (-9, "There was no progress", "There was no progress"),
    ],
)
def test_reasons(home: Path, exit_code: int | None, verdict: str, said: str) -> None:
    task = add_task("running", fence="f")
    make_folder(task)
    assert liveness.settle(task, exit_code, verdict)
    row = states.read_task(task["id"])
    assert row is not None
    assert said in row["reason"]


def test_memory_that_ran_out_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = add_task("running", fence="f")
    make_folder(task, oom_kills=2)
    monkeypatch.setattr(liveness, "out_of_memory_kills", lambda: 3)
    assert liveness.settle(task, -9)
    row = states.read_task(task["id"])
    assert row is not None
    assert "memory ran out" in row["reason"]


def test_a_living_worker_is_left_alone(home: Path) -> None:
    task = add_task("running", fence="f")
    folder = make_folder(task)
    with FileLock(folder / WORKER_LOCK):
        assert liveness.has_worker(task)
        assert not liveness.settle(task, -9)
    assert state_of(task) == "running"


def test_a_worker_that_died_while_it_was_cancelled_was_cancelled(home: Path) -> None:
    task = add_task("running", fence="f", wish="cancel")
    make_folder(task)
    assert liveness.settle(task, -9)
    assert state_of(task) == "cancelled"


def test_after_a_restart_of_the_machine_it_waits_again_but_not_for_ever(home: Path) -> None:
    task = add_task("running", fence="f")
    make_folder(task, boot="another boot")
    for restart in range(1, liveness.MAX_RESTARTS + 1):
        assert liveness.settle(task)
        row = states.read_task(task["id"])
        assert row is not None
        assert (row["state"], row["request"]["restarts"]) == ("queued", restart)
        states.claim(task["id"], "f", "cpu")
        states.begin(task["id"], "f", 1)
        task = states.read_task(task["id"]) or {}
    assert liveness.settle(task)
    assert state_of(task) == "failed"
