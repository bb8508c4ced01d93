"""What happens when processes are killed: workers, the supervisor, the server (J1-J5, J9-J12, R1, R2, R5)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, epochs, start, ticking, until, wait_for_rest, weights, worker_pid

from musicgen.processes import ROOT
from musicgen.runs import api, identity, launching, liveness, states, supervisor, task_records
from musicgen.runs.folders import supervisor_lock
from musicgen.runs.locks import FileLock, holder, is_held
from musicgen.runs.supervisor import Supervisor
from musicgen.storage import database

pytestmark = pytest.mark.record(slow=True)

# What a shell starts in the background ignores Ctrl-C, and so would this; a server in its terminal does not.
SERVER = """
import signal, sys, time
from musicgen.runs import api
signal.signal(signal.SIGINT, signal.default_int_handler)
print(api.submit_training("ticking", [api.SongChoice(sys.argv[1])], {"epochs": 40}), flush=True)
while True:
    api.list_runs()
    time.sleep(0.1)
"""


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch):
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


@pytest.fixture
def rounds(song: str) -> Iterator[Supervisor]:
    """A supervisor whose rounds the test makes itself; to all others it looks alive."""
    with FileLock(supervisor_lock()):
        made = Supervisor()
        yield made
        for seen in made.watched.values():
            if seen.process is not None:
                seen.process.kill()
                seen.process.wait()


def supervise(rounds: Supervisor, condition: Any, seconds: float = 30.0) -> Any:
    """Rounds, until the condition holds."""

    def turn() -> Any:
        rounds.round()
        return condition()

    return until(turn, seconds)


def kill_supervisor() -> None:
    pid = until(lambda: is_held(supervisor_lock()) and holder(supervisor_lock()))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_held(supervisor_lock()))


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_killed_worker_is_shown_as_failed_within_two_seconds_and_goes_on_when_asked(song: str) -> None:
    plain, killed = start(song, epochs=10, seed=5), start(song, epochs=10, seed=5)
    wait_for_rest(plain)
    rng = random.Random(1)
    for _ in range(3):
        pid = worker_pid(killed)
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        run = wait_for_rest(killed)
        if run.state == "succeeded":
            break
        assert time.monotonic() - began < 2.0
        assert run.state == "failed"
        assert "killed (SIGKILL)" in run.reason
        assert "resuming" in run.advice.lower()
        assert any("Failed. The process was killed" in line for line in run.log_tail(10))
        assert run.can_generate == bool(run.checkpoints)
        api.resume(killed)
    run = wait_for_rest(killed)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 11)), "every epoch once"
    np.testing.assert_array_equal(weights(killed), weights(plain))


def test_a_crash_leaves_its_traceback_in_the_log(song: str) -> None:
    """J12: it crashes again when resumed, and only then."""
    run_id = start(song, epochs=4, segv_at=2)
    for _ in range(2):
        run = wait_for_rest(run_id)
        assert run.state == "failed"
        assert "SIGSEGV" in run.reason
        assert any("_misbehave" in line for line in run.log_tail(40))
        assert epochs(run) == [1]
        assert "epoch 1" in run.advice
        api.resume(run_id)
    wait_for_rest(run_id)


def test_a_run_outlives_its_supervisor_and_the_next_one_takes_over(song: str) -> None:
    run_id = start(song, epochs=1000)
    pid = worker_pid(run_id)
    kill_supervisor()
    done = len(api.get_run(run_id).history)
    until(lambda: len(api.get_run(run_id).history) > done + 3, what="it goes on")
    # Reading starts another supervisor, which adopts the worker: it notices its death.
    until(lambda: api.get_run(run_id).is_active and is_held(supervisor_lock()), what="a new supervisor")
    assert worker_pid(run_id) == pid
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    run = wait_for_rest(run_id)
    assert time.monotonic() - began < 2.0
    assert (run.state, "gone" in run.reason) == ("failed", True)
    assert epochs(run) == list(range(1, len(run.history) + 1))


def test_without_any_supervisor_readers_judge_themselves(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = start(song, epochs=60)
    pid = worker_pid(run_id)
    monkeypatch.setattr(task_records, "ensure_supervisor", lambda: None)
    kill_supervisor()
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    assert wait_for_rest(run_id).state == "failed"
    assert time.monotonic() - began < 1.0


def test_a_worker_that_was_adopted_is_cancelled(song: str) -> None:
    run_id = start(song, epochs=500)
    worker_pid(run_id)
    kill_supervisor()
    api.cancel(run_id)
    assert wait_for_rest(run_id).state == "cancelled"


def test_what_waited_is_started_by_the_next_supervisor(song: str) -> None:
    first, second = start(song, epochs=20), start(song, epochs=2)
    worker_pid(first)
    kill_supervisor()
    assert wait_for_rest(second).state == "succeeded"
    assert wait_for_rest(first).state == "succeeded"


@pytest.mark.parametrize("blow", ["kill -9 of the server", "Ctrl-C in its terminal"])
def test_the_end_of_the_server_leaves_a_run_alone(song: str, blow: str) -> None:
    """J2, J3: the run goes on, and is found again by whoever looks next."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, song], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    )
    assert server.stdout is not None
    run_id = server.stdout.readline().decode().strip()
    server.stdout.close()
    pid = worker_pid(run_id)
    try:
        if blow.startswith("kill"):
            server.kill()
        else:
            os.killpg(server.pid, signal.SIGINT)
        server.wait(10)
    finally:
        server.kill()
    assert api.get_run(run_id).state == "running"
    assert worker_pid(run_id) == pid
    run = wait_for_rest(run_id)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 41))


def test_sigterm_keeps_everything_and_pauses(song: str) -> None:
    """J4: a shutdown. Asked in the middle of an epoch, it stops at the next step."""
    plain, asked = start(song, epochs=6, seed=2), start(song, epochs=6, seed=2, epoch_ms=200, steps=20)
    wait_for_rest(plain)
    pid = worker_pid(asked)
    until(lambda: len(api.get_run(asked).history) == 2)
    time.sleep(0.05)
    os.kill(pid, signal.SIGTERM)
    began = time.monotonic()
    run = wait_for_rest(asked)
    assert time.monotonic() - began < 2.0
    assert run.state == "paused"
    assert "asked the training process to end" in run.reason
    assert is_gone(pid) or until(lambda: is_gone(pid), 5.0)
    api.resume(asked)
    run = wait_for_rest(asked)
    assert epochs(run) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(weights(asked), weights(plain))


def test_a_hung_worker_is_remarked_upon_and_ended(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J5, J11: it hears no SIGTERM, so it is killed, and can be resumed."""
    monkeypatch.setattr(supervisor, "KILL_AFTER", 0.5)
    run_id = start(song, epochs=4, hang_at=2)
    supervise(rounds, lambda: len(api.get_run(run_id).history) == 1)
    pid = worker_pid(run_id)
    monkeypatch.setattr(supervisor, "STALLED_SECONDS", 0.5)
    supervise(rounds, lambda: "may hang" in api.get_run(run_id).reason)
    assert api.get_run(run_id).state == "running"
    monkeypatch.setenv("MUSICGEN_MAX_STALL_MINUTES", "0.01")
    monkeypatch.setattr(supervisor, "HUNG_STEPS", 0)
    supervise(rounds, lambda: api.get_run(run_id).state == "failed")
    assert "There was no progress" in api.get_run(run_id).reason
    assert until(lambda: is_gone(pid), 5.0)


def test_a_worker_that_does_not_listen_is_killed_when_cancelled(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "KILL_AFTER", 0.5)
    run_id = start(song, epochs=4, hang_at=2)
    supervise(rounds, lambda: len(api.get_run(run_id).history) == 1)
    time.sleep(0.2)
    api.cancel(run_id)
    began = time.monotonic()
    supervise(rounds, lambda: api.get_run(run_id).state == "cancelled")
    assert 0.3 < time.monotonic() - began < 5.0
    assert api.get_run(run_id).can_generate


def test_a_cancelled_generation_is_not_waited_for(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it compiles it hears no signal; having nothing to save it is killed, long before a training would be."""
    monkeypatch.setattr(supervisor, "KILL_AFTER", 1e9)
    run_id = start(song, epochs=1)
    supervise(rounds, lambda: api.get_run(run_id).state == "succeeded")
    task_id = api.submit_generation(run_id, {"piece_ms": 1e7})
    supervise(rounds, lambda: api.get_task(task_id).progress.get("phase") == "loading the weights")
    api.cancel(task_id)
    supervise(rounds, lambda: api.get_task(task_id).state == "cancelled")
    assert api.get_run(run_id).can_generate


def test_a_claim_whose_supervisor_died_before_starting_is_given_back(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = start(song, epochs=1)
    task_id = api.get_run(run_id).task.id
    states.claim(task_id, "of a dead supervisor", "cpu")
    rounds.round()
    assert api.get_run(run_id).state == "starting", "its worker may be on its way"
    monkeypatch.setattr(supervisor, "ORPHAN_PATIENCE", 0.1)
    supervise(rounds, lambda: api.get_run(run_id).state == "succeeded")


def test_a_late_worker_finds_itself_superseded(rounds: Supervisor, song: str) -> None:
    run_id = start(song, epochs=2)
    task = api.get_run(run_id).task
    states.claim(task.id, "old", "cpu")
    states.put_back(task.id, "old", {"device": "auto"})
    states.claim(task.id, "new", "cpu")
    late = launching.start_worker(task.id, "old", task.folder, "cpu")
    assert late.wait(20) == 76
    assert api.get_run(run_id).state == "starting"
    assert launching.start_worker(task.id, "new", task.folder, "cpu").wait(20) == 0
    assert api.get_run(run_id).state == "succeeded"


def test_a_worker_whose_fence_was_taken_back_stops_by_itself(rounds: Supervisor, song: str) -> None:
    run_id = start(song, epochs=500)
    task = api.get_run(run_id).task
    states.claim(task.id, "old", "cpu")
    ghost = launching.start_worker(task.id, "old", task.folder, "cpu")
    until(lambda: len(api.get_run(run_id).history) > 1)
    states.put_back(task.id, "old", {"device": "auto"})
    assert ghost.wait(10) == 76
    assert api.get_run(run_id).state == "queued"


def test_never_two_workers_on_one_run(rounds: Supervisor, song: str) -> None:
    run_id = start(song, epochs=30)
    task = api.get_run(run_id).task
    states.claim(task.id, "fence", "cpu")
    both = [launching.start_worker(task.id, "fence", task.folder, "cpu") for _ in range(2)]
    run = wait_for_rest(run_id)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 31))
    assert sorted(process.wait(20) for process in both) == [0, 76]


def test_jumps_of_the_clock_kill_nobody(rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """J9: a day forth and back at every round."""
    real, jumps = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + 86_400 * (-1) ** next(jumps))
    run_id = start(song, epochs=40)
    supervise(rounds, lambda: not api.get_run(run_id).is_active)
    run = api.get_run(run_id)
    assert (run.state, run.reason) == ("succeeded", "")
    assert epochs(run) == list(range(1, 41))
    assert all(row["seconds"] > 0 for row in run.history)


def test_a_stranger_with_the_number_of_a_dead_worker_is_left_alone(
    rounds: Supervisor, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J10: the lock file and the number are still there; the process is another one."""
    monkeypatch.setattr(supervisor, "KILL_AFTER", 0.0)
    run_id = start(song, epochs=500)
    supervise(rounds, lambda: len(api.get_run(run_id).history) > 1)
    process = rounds.watched.pop(api.get_run(run_id).task.id).process
    assert process is not None
    process.kill()
    process.wait()
    stranger = subprocess.Popen(["sleep", "60"])
    task = states.read_task(api.get_run(run_id).task.id)
    assert task is not None
    database.change(database.tasks.update().values(pid=stranger.pid, wish="cancel"))
    known = liveness.known_worker(task)
    identity.ask_to_end({**known, "pid": stranger.pid})
    for _ in range(3):
        rounds.round()
    assert api.get_run(run_id).state == "cancelled"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_the_supervisor_goes_when_idle_and_comes_back(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "musicgen.runs.supervisor", "--idle-seconds", "0.5"], cwd=ROOT, start_new_session=True
    )
    until(lambda: is_held(supervisor_lock()))
    run_id = start(song, epochs=1)
    assert wait_for_rest(run_id).state == "succeeded"
    assert process.wait(20) == 0
    assert not is_held(supervisor_lock())
    assert wait_for_rest(start(song, epochs=1)).state == "succeeded"


def test_of_several_supervisors_one_stays(song: str) -> None:
    several = [
        subprocess.Popen(
            [sys.executable, "-m", "musicgen.runs.supervisor", "--idle-seconds", "30"], cwd=ROOT, start_new_session=True
        )
        for _ in range(3)
    ]
    until(lambda: sum(process.poll() is None for process in several) == 1, 20.0)
    (stayed,) = (process for process in several if process.poll() is None)
    assert holder(supervisor_lock()) == stayed.pid
    os.killpg(stayed.pid, signal.SIGINT)  # it does not hear Ctrl-C
    time.sleep(0.5)
    assert stayed.poll() is None
    stayed.kill()
    stayed.wait()


def test_it_goes_when_its_storage_is_gone(home: Path, song: str) -> None:
    process = subprocess.Popen([sys.executable, "-m", "musicgen.runs.supervisor"], cwd=ROOT, start_new_session=True)
    until(lambda: is_held(supervisor_lock()))
    moved = home.rename(home.with_name("moved"))
    try:
        assert process.wait(10) == 0
    finally:
        shutil.rmtree(home, ignore_errors=True)
        moved.rename(home)  # the end of the test looks into it


def test_a_bad_round_is_survived(rounds: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A busy or full database, or a bug: the next round works."""
    lock, calls = FileLock(tmp_path / "lock"), iter(range(10))
    lock.take()

    def active() -> list[Any]:
        if next(calls) == 0:
            raise RuntimeError("a bug")
        return []

    monkeypatch.setattr(states, "tasks_at_work", active)
    supervisor.supervise(lock, idle_seconds=0.1)
    assert next(calls) > 1


def test_workers_know_no_secrets_and_nice(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("MUSICGEN_NICENESS", "7")
    environment = launching.worker_environment("cpu")
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert environment["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "CUDA_VISIBLE_DEVICES" not in launching.worker_environment("gpu:0")
    run_id = start(song, epochs=200)
    pid = worker_pid(run_id)
    assert os.getsid(pid) == pid != os.getsid(0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 7
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    api.cancel(run_id)
    wait_for_rest(run_id)
    until(lambda: is_gone(pid), 5.0)


@pytest.mark.slow
def test_many_kills_at_random(song: str) -> None:
    """R1, R2, R5: worker and supervisor, two hundred times; nothing is lost, nothing done twice."""
    rng = random.Random(7)
    plain, killed = start(song, epochs=400, seed=5, epoch_ms=20), start(song, epochs=400, seed=5, epoch_ms=20)
    wait_for_rest(plain, 300)
    kills, slowest = 0, 0.0
    while True:
        run = api.get_run(killed)
        if run.state == "succeeded":
            break
        if not run.is_active:
            api.resume(killed)
            continue
        if rng.random() < 0.2 and is_held(supervisor_lock()):
            kill_supervisor()
        time.sleep(rng.uniform(0.3, 1.5))
        row = states.read_task(run.task.id)
        if row is None or not row["pid"]:
            continue
        try:
            os.kill(row["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue
        kills += 1
        began = time.monotonic()
        wait_for_rest(killed)
        slowest = max(slowest, time.monotonic() - began)
        if kills >= 200:
            api.resume(killed)
            wait_for_rest(killed, 300)
    print(f"{kills} kills, death seen within {slowest:.2f} s")
    assert kills > 20
    assert slowest < 2.5
    assert epochs(api.get_run(killed)) == list(range(1, 401))
    np.testing.assert_array_equal(weights(killed), weights(plain))
