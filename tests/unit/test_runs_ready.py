"""Processes that are kept ready: faster than a worker of one's own, and in everything else the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from runs_at_work import (
    add_song,
    epochs,
    nobody_supervises,
    start,
    ticking,
    until,
    wait_for_rest,
    weights,
    work_here,
    worker_pid,
)

from musicgen.approaches import approaches
from musicgen.errors import CorruptArtifact
from musicgen.processes import ROOT
from musicgen.runs import api, expecting, launching, loading, ready_pool, ready_process
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, expected_file, expected_training_file, ready_file, supervisor_lock
from musicgen.runs.locks import FileLock, holder, is_held
from musicgen.runs.ready_list import ready_processes
from musicgen.runs.ready_process import ReadyProcess
from musicgen.runs.supervisor import Supervisor
from musicgen.runs.warm_protocol import MAX_LINE, Lines, OddMessage, to_line

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no process is kept ready on Windows")
GB = 1 << 30


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "5")
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "0")
    monkeypatch.setenv("MUSICGEN_NICENESS", "3")
    monkeypatch.setattr(ready_pool, "SECONDS_AFTER_START", 0.0)
    monkeypatch.setattr(ready_pool, "SECONDS_BETWEEN_LOOKS", 0.0)
    with ticking(monkeypatch):
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


@pytest.fixture
def rounds(approach: None) -> Iterator[Supervisor]:
    """A supervisor whose rounds the test makes itself; to all others it looks alive."""
    with FileLock(supervisor_lock()):
        made = Supervisor()
        yield made
        processes = [seen.process for seen in made.watched.values() if seen.process is not None]
        made.pool.close()
        for process in processes:
            process.kill()
            process.wait()


def turn(rounds: Supervisor, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Rounds, until the condition holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rounds.round()
        if found := condition():
            return found
        time.sleep(0.05)  # a round costs more than a look
    raise AssertionError(f"not within {seconds} s: {condition}")


def finished(rounds: Supervisor, run_or_task_id: str) -> Any:
    look = api.get_run if run_or_task_id.startswith("run-") else api.get_task
    turn(rounds, lambda: not look(run_or_task_id).is_active)
    return look(run_or_task_id)


def spare(rounds: Supervisor) -> ReadyProcess:
    """A spare that has loaded everything."""
    return turn(
        rounds, lambda: next((each for each in rounds.pool.processes if each.has_loaded and not each.run_id), None)
    )


def without_spares(rounds: Supervisor) -> None:
    """No spare from now on; a warm worker stays one."""
    rounds.pool._no_spare_before = 1e18
    for each in list(rounds.pool.processes):
        if not each.run_id:
            rounds.pool._drop(each)


def warm(rounds: Supervisor, run_id: str) -> ReadyProcess:
    """A warm worker of this run, after a generation."""
    assert spare(rounds)
    task = api.submit_generation(run_id)
    assert finished(rounds, task).state == "succeeded"
    return turn(
        rounds, lambda: next((each for each in rounds.pool.processes if each.run_id == run_id and each.waits), None)
    )


def kill_supervisor() -> None:
    """One that has just taken the lock has not written its number yet: the file is read again until it is gone."""

    def is_over() -> bool:
        if not is_held(supervisor_lock()):
            return True
        with suppress(ProcessLookupError):
            if pid := holder(supervisor_lock()):
                os.kill(pid, signal.SIGKILL)
        return False

    until(is_over)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def sounds(task_id: str) -> list[str]:
    return [api.get_output(each).sidecar["content_sha256"] for each in api.get_task(task_id).output_ids]


def test_a_spare_is_the_worker_of_the_next_task_like_any_other(rounds: Supervisor, song: str) -> None:
    plain, fast = start(song, epochs=3, seed=4), ""
    without_spares(rounds)
    assert finished(rounds, plain).state == "succeeded"
    rounds.pool._no_spare_before = 0.0
    pid = spare(rounds).process.pid
    fast = start(song, epochs=3, seed=4, epoch_ms=300)
    turn(rounds, lambda: api.get_run(fast).progress.get("phase") == "training")
    assert worker_pid(fast) == pid
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0) == min(
        3, 19 - os.getpriority(os.PRIO_PROCESS, 0)
    )
    folder = api.get_run(fast).folder
    assert [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)] == [
        os.devnull,
        str(folder / "console.txt"),
        str(folder / "console.txt"),
    ]
    run = finished(rounds, fast)
    assert (run.state, epochs(run)) == ("succeeded", [1, 2, 3])
    np.testing.assert_array_equal(weights(fast), weights(plain))
    turn(rounds, lambda: is_gone(pid))  # a training's worker does not stay


def expect(run_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A form asks for the same training as this run; the name of it."""
    monkeypatch.setattr(ready_pool, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(expecting, "_training_told", ("", -1e9))
    expected_file().touch()
    request = api.get_run(run_id).request
    expecting.expect_training(request)
    return expecting.training_name(request)


def test_a_spare_rehearses_the_training_that_is_expected(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = start(song, epochs=3, seed=4)
    assert finished(rounds, plain).state == "succeeded"
    ready = spare(rounds)
    name = expect(plain, monkeypatch)
    turn(rounds, lambda: ready.to_json()["rehearsed"] == name)
    assert ready.rehearsed == [name], "once"
    (shown,) = ready_processes()
    assert shown.what == "any training or generation, first of all the training on the Train page"
    fast = start(song, epochs=3, seed=4, epoch_ms=300)
    turn(rounds, lambda: api.get_run(fast).progress.get("phase") == "training")
    assert worker_pid(fast) == ready.process.pid
    assert finished(rounds, fast).state == "succeeded"
    np.testing.assert_array_equal(weights(fast), weights(plain))
    finished(rounds, start(song, epochs=1))
    expected_file().touch()
    os.utime(expected_training_file(), (time.time() - 60, time.time() - 60))  # another page is open now
    other = spare(rounds)
    for _ in range(10):
        rounds.round()
    assert not other.rehearsed


def test_only_the_training_that_is_rehearsed_waits_for_a_rehearsal(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = start(song, epochs=2)
    assert finished(rounds, run_id).state == "succeeded"
    ready = spare(rounds)
    monkeypatch.setattr(rounds.pool, "_let_rehearse", lambda: None)
    ready.rehearses, ready.rehearsed = True, [expect(run_id, monkeypatch)]
    assert ready.seconds_to_begin() == ready_process.LOADING_SECONDS
    task = api.submit_generation(run_id)
    assert finished(rounds, task).state == "succeeded"
    assert f"process {ready.process.pid}" not in api.get_task(task).log_tail(50)[0]
    ready.rehearsed = ["another training"]
    other = start(song, epochs=2, seed=8)
    turn(rounds, lambda: api.get_run(other).state == "running")
    assert worker_pid(other) != ready.process.pid
    finished(rounds, other)
    ready.rehearsed = [expect(run_id, monkeypatch)]
    again = start(song, epochs=2)
    turn(rounds, lambda: api.get_run(again).state == "running")
    assert worker_pid(again) == ready.process.pid
    finished(rounds, again)


def test_a_warm_worker_serves_its_run_again_and_no_other(rounds: Supervisor, song: str) -> None:
    run_id, other = start(song, epochs=2), start(song, epochs=2, seed=9)
    assert [finished(rounds, each).state for each in (run_id, other)] == ["succeeded", "succeeded"]
    first = warm(rounds, run_id)
    pid = first.process.pid
    again = api.submit_generation(run_id, {"seconds": 0.3}, seed=5, count=2)
    finished(rounds, again)
    assert api.get_task(again).state == "succeeded"
    assert (first.task_id, first.waits or first.task_id) != ("", again)
    turn(rounds, lambda: first.waits)
    assert f"process {pid}" in api.get_task(again).log_tail(50)[0]
    rounds.pool.close()  # the same once more, in the usual way
    without_spares(rounds)
    cold = api.submit_generation(run_id, {"seconds": 0.3}, seed=5, count=2)
    finished(rounds, cold)
    assert f"process {pid}" not in api.get_task(cold).log_tail(50)[0]
    assert sounds(cold) == sounds(again)
    rounds.pool._no_spare_before = 0.0
    mine = warm(rounds, run_id)
    theirs = warm(rounds, other)
    assert theirs.process.pid != mine.process.pid
    assert is_gone(mine.process.pid), "one at a time stays"


def test_a_spare_that_died_or_hangs_costs_no_task(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is handed a task, and after it was, before it began."""
    os.kill(spare(rounds).process.pid, signal.SIGKILL)
    before = start(song, epochs=1)
    assert finished(rounds, before).state == "succeeded"
    assert not rounds.pool.processes, "not another one at once"
    rounds.pool._no_spare_before = 0.0

    stopped = spare(rounds)
    os.kill(stopped.process.pid, signal.SIGSTOP)
    at_handover = start(song, epochs=1)
    turn(rounds, lambda: not stopped.waits)
    os.kill(stopped.process.pid, signal.SIGKILL)
    run = finished(rounds, at_handover)
    assert (run.state, epochs(run)) == ("succeeded", [1])
    rounds.pool._no_spare_before = 0.0

    monkeypatch.setattr(ready_process, "BEGINNING_SECONDS", 0.3)
    hangs = spare(rounds)
    os.kill(hangs.process.pid, signal.SIGSTOP)
    run = finished(rounds, start(song, epochs=1))
    assert (run.state, epochs(run)) == ("succeeded", [1])
    assert is_gone(hangs.process.pid)


def test_one_that_dies_at_work_is_a_dead_worker(rounds: Supervisor, song: str) -> None:
    pid = spare(rounds).process.pid
    run_id = start(song, epochs=100)
    turn(rounds, lambda: len(api.get_run(run_id).history) > 1)
    os.kill(pid, signal.SIGKILL)
    run = finished(rounds, run_id)
    assert (run.state, "killed (SIGKILL)" in run.reason) == ("failed", True)
    assert "Resuming" in run.advice


def test_a_cancel_takes_effect_within_a_second_and_nothing_stays(rounds: Supervisor, song: str) -> None:
    run_id = start(song, epochs=1)
    finished(rounds, run_id)
    process = warm(rounds, run_id).process
    task = api.submit_generation(run_id, {"piece_ms": 60_000.0})
    turn(rounds, lambda: api.get_task(task).state == "running")
    api.cancel(task)
    began = time.monotonic()
    assert finished(rounds, task).state == "cancelled"
    assert time.monotonic() - began < 1.5
    turn(rounds, lambda: is_gone(process.pid))
    assert not any(each.run_id for each in rounds.pool.processes)

    stopped = spare(rounds)  # and before it has begun
    os.kill(stopped.process.pid, signal.SIGSTOP)
    task = api.submit_generation(run_id)
    turn(rounds, lambda: not stopped.waits)
    api.cancel(task)
    began = time.monotonic()
    assert finished(rounds, task).state == "cancelled"
    assert time.monotonic() - began < 1.5


def test_memory_idleness_and_another_program_end_what_waits(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "4096")
    monkeypatch.setattr(ready_pool, "free_memory_bytes", lambda: 5 * GB)
    pid = spare(rounds).process.pid
    monkeypatch.setattr(ready_pool, "free_memory_bytes", lambda: 3 * GB)
    rounds.round()
    assert [each.process.pid for each in rounds.pool.processes] == [pid], "it took some of it itself"
    monkeypatch.setattr(ready_pool, "free_memory_bytes", lambda: int(1.5 * GB))
    assert not rounds.round()
    assert is_gone(pid)
    for free in (int(1.5 * GB), 3 * GB, None):
        monkeypatch.setattr(ready_pool, "free_memory_bytes", lambda free=free: free)
        assert not rounds.round(), "none is started"

    monkeypatch.setattr(ready_pool, "free_memory_bytes", lambda: 5 * GB)
    old = spare(rounds).process.pid
    monkeypatch.setattr(ready_pool, "program_stamp", lambda: "another")
    run_id = start(song, epochs=1)
    assert finished(rounds, run_id).state == "succeeded"
    assert is_gone(old)

    pid = spare(rounds).process.pid
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "0.001")
    turn(rounds, lambda: not rounds.pool.processes)
    assert is_gone(pid)


def test_a_task_for_another_device_gets_its_own_worker(rounds: Supervisor, song: str) -> None:
    process = spare(rounds)
    process.environment = {**process.environment, "CUDA_VISIBLE_DEVICES": "0"}
    run_id = start(song, epochs=1)
    assert finished(rounds, run_id).state == "succeeded"
    assert process.waits


def test_networks_are_kept_as_long_as_their_weights_are_the_same(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_kept", {})
    with nobody_supervises():
        run_id = start(song, epochs=2, epoch_ms=0.0)
        run = work_here(run_id)
    known = approaches()["ticking"]
    training = known.Training(**run.request["training"])
    kept, said = Checkpoints(run.folder / CHECKPOINTS), []

    def load(choice: str, *, keep: bool = True) -> Any:
        candidates = kept.chosen(choice)[:1]
        return loading.load(
            known, training, candidates, seed=0, folder=run.folder, on_damaged=said.append, keep=keep
        )[0]  # fmt: skip

    last = load("last")
    assert load("last") is last
    assert load("1") is not last
    assert load("last") is not last, "only one at a time"
    load("last", keep=False)
    assert loading._kept == {}, "what is trained on changes"
    load("last")
    damaged = kept.chosen("last")[0].folder / "weights.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(CorruptArtifact):
        load("last")


@pytest.mark.parametrize(
    "said", ["hello", "[1]", '{"resting": "task"}', '{"ready": 1}\n{"ready": 1}', "x" * 3 * MAX_LINE]
)
def test_one_that_says_something_odd_is_given_up(rounds: Supervisor, said: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", f"print({said!r}, flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    rounds.pool._no_spare_before = 1e18
    rounds.pool.processes.append(ReadyProcess(process, {}, ""))
    turn(rounds, lambda: not rounds.pool.processes)
    assert process.poll() is not None


def test_lines_arrive_whole_or_not_at_all() -> None:
    source, sink = os.pipe()
    lines = Lines(source)
    assert lines.next(0.0) is None
    os.write(sink, to_line({"a": 1}) + to_line({"b": "é"}) + b'{"c"')
    assert [lines.next(0.0) for _ in range(3)] == [{"a": 1}, {"b": "é"}, None]
    assert lines.is_open
    os.close(sink)
    assert lines.next(5.0) is None
    assert not lines.is_open
    os.close(source)
    with pytest.raises(OddMessage):
        to_line({"a": "x" * MAX_LINE})


def test_without_its_supervisor_a_spare_ends_and_a_worker_finishes(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real supervisor, woken by a page; then it is killed."""
    monkeypatch.setattr(expecting, "_told_at", -1e9)
    monkeypatch.setattr(launching, "_started_at", -1e9)
    expecting.expect_work()
    assert expected_file().is_file()
    until(lambda: is_held(supervisor_lock()))

    def told() -> list[dict[str, Any]]:
        return json.loads(ready_file().read_text()) if ready_file().exists() else []

    (first,) = until(told)
    assert [(each.pid, each.what) for each in ready_processes()] == [(first["pid"], "any training or generation")]
    run_id = start(song, epochs=40)
    pid = worker_pid(run_id)
    assert pid == first["pid"]
    second = until(lambda: next((each for each in told() if each["pid"] != pid), None))
    kill_supervisor()
    until(lambda: is_gone(second["pid"]))
    run = wait_for_rest(run_id)
    assert (run.state, epochs(run)) == ("succeeded", list(range(1, 41)))
    until(lambda: is_gone(pid))


def test_nothing_is_expected_where_nothing_is_kept_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "0")
    monkeypatch.setattr(expecting, "_told_at", -1e9)
    expecting.expect_work()
    assert not expected_file().exists()
    assert not is_held(supervisor_lock())


def leftovers(home: Path) -> list[int]:
    """Processes that belong to this storage folder."""
    found = []
    for process in psutil.process_iter(["environ", "cmdline"]):
        told = process.info["environ"] or {}
        is_ours = told.get("MUSICGEN_HOME") == str(home) and "musicgen.runs" in " ".join(process.info["cmdline"] or [])
        if is_ours and not is_gone(process.pid):
            found.append(process.pid)
    return found


IMPATIENT = """
from musicgen.runs import ready_pool, supervisor
ready_pool.SECONDS_AFTER_DEATH = ready_pool.SECONDS_AFTER_START = ready_pool.SECONDS_BETWEEN_LOOKS = 0.0
supervisor.main()
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Supervisors that start another spare at once, however many have died."""

    def start_process(module: str, arguments: list[str], console: Path, environment: dict[str, str]) -> Any:
        assert module == "musicgen.runs.supervisor"
        with launching.open_console(console) as file:
            command = [sys.executable, "-c", IMPATIENT]
            options = {"cwd": ROOT, "env": environment, "start_new_session": True, "stdin": subprocess.DEVNULL}
            return subprocess.Popen(command, stdout=file, stderr=file, **options)

    monkeypatch.setattr(launching, "_start", start_process)


@pytest.mark.slow
def test_many_kills_of_spares_and_warm_workers(home: Path, song: str, impatient: None) -> None:
    """Two hundred, and the supervisor now and then: no run and no output is lost or doubled, nothing is left behind."""
    rng = random.Random(11)
    run_id, killed = start(song, epochs=2, seed=1), start(song, epochs=300, seed=5, epoch_ms=20)
    wait_for_rest(run_id)
    wanted = {seed: sounds(plain)[0] for seed, plain in ((seed, made(run_id, seed)) for seed in range(4))}
    tasks: dict[str, int] = {}
    kills = at_work = 0
    deadline = time.monotonic() + 600
    while kills < 200 and time.monotonic() < deadline:
        expecting._told_at = -1e9
        expecting.expect_work()
        told = json.loads(ready_file().read_text()) if ready_file().exists() else []
        for task_id in [each for each in tasks if not api.get_task(each).is_active]:
            seed = tasks.pop(task_id)
            task = api.get_task(task_id)
            if task.state == "succeeded":
                assert sounds(task_id) == [wanted[seed]]
            else:
                assert "kill" in task.reason or "gone" in task.reason, task.reason
                assert len(task.output_ids) <= 1
        if len(tasks) < 2:
            seed = rng.randrange(4)
            tasks[api.submit_generation(run_id, {"piece_ms": 100.0}, seed=seed)] = seed
        if not api.get_run(killed).is_active and api.get_run(killed).state != "succeeded":
            api.resume(killed)
        time.sleep(rng.uniform(0.0, 0.6))
        if rng.random() < 0.05 and is_held(supervisor_lock()):
            kill_supervisor()
        alive = [each for each in told if not is_gone(each["pid"])]
        if not alive:
            continue
        victim = rng.choice([each for each in alive if each["task_id"]] or alive)
        if not victim["task_id"] and rng.random() < 0.7:
            continue  # let it have a task first
        at_work += bool(victim["task_id"])
        os.kill(victim["pid"], signal.SIGKILL)
        kills += 1
    for task_id, seed in tasks.items():
        task = wait_for_rest(task_id)
        assert task.state == "failed" or sounds(task_id) == [wanted[seed]]
    while (run := wait_for_rest(killed, 300)).state != "succeeded":
        api.resume(killed)
    assert epochs(run) == list(range(1, 301))
    plain = start(song, epochs=300, seed=5, epoch_ms=1)
    wait_for_rest(plain, 300)
    np.testing.assert_array_equal(weights(killed), weights(plain))
    kill_supervisor()
    until(lambda: not leftovers(home), 30.0, "nothing left behind")
    print(f"{kills} kills, {at_work} of them at work")
    assert kills > 20
    assert at_work > 5


def made(run_id: str, seed: int) -> str:
    """A generation that nobody disturbs."""
    task_id = api.submit_generation(run_id, {"piece_ms": 100.0}, seed=seed)
    assert wait_for_rest(task_id).state == "succeeded"
    return task_id
