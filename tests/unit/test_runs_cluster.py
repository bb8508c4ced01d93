"""A training on a cluster, with processes of this machine in place of Ray: the same results, whatever dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from cluster_of_processes import LocalJobs, standing_in
from command_line import CommandLine
from runs_at_work import add_song, epochs, nobody_supervises, ticking, until, weights, work_here

from musicgen.errors import InvalidInput, InvalidParameter
from musicgen.runs import api, liveness, states
from musicgen.runs.cluster import configured, leases, stand_in
from musicgen.runs.cluster.places import Attempt, object_path
from musicgen.runs.supervisor import Supervisor


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    monkeypatch.setenv("MUSICGEN_CLUSTER_ADDRESS", "http://127.0.0.1:8265")
    monkeypatch.setenv("MUSICGEN_CLUSTER_FOLDER", str(folder))
    monkeypatch.setenv("MUSICGEN_CLUSTER_TOKEN_FILE", str(token))
    monkeypatch.setattr("musicgen.runs.cluster.configured.check_ray", lambda: None)
    monkeypatch.setattr("musicgen.runs.devices.check_ray", lambda: None)
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def submit(song: str, *, device: str = "cluster", pieces: int = 0, **training: Any) -> Any:
    choices = [api.SongChoice(song)]
    return api.get_run(api.submit_training("ticking", choices, training, seed=3, device=device, pieces_after=pieces))


def attempts(run: Any) -> list[int]:
    return [row["attempt"] for row in api.get_run(run.id).history]


def test_a_run_on_the_cluster_equals_its_local_twin(shared: Path) -> None:
    song = add_song()
    run, twin = submit(song, pieces=1, epochs=5), submit(song, device="cpu", epochs=5)
    with standing_in(run, shared, jobs := LocalJobs()):
        pass
    work_here(twin.id)
    run, twin = api.get_run(run.id), api.get_run(twin.id)
    assert (run.state, epochs(run), attempts(run)) == ("succeeded", [1, 2, 3, 4, 5], [1] * 5)
    assert np.array_equal(weights(run.id), weights(twin.id))
    assert [row["loss"] for row in run.history] == [row["loss"] for row in twin.history]
    assert any("epoch 5 of 5" in line for line in run.log_tail()), "the log of the node is here"
    assert run.seconds is not None
    assert jobs.names == [f"{run.id}-1"]
    (pieces,) = api.list_tasks(run_id=run.id, kind="generate")
    assert pieces.device == "auto", "pieces are made here"
    assert not list((shared / "tasks").iterdir()), "nothing is left of it but files by content"
    assert work_here(pieces.id).state == "succeeded"


@pytest.mark.slow
def test_a_lost_node_loses_nothing_and_nothing_is_written_twice(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node is killed; its worker dies with it, and another one goes on from the last weights."""
    monkeypatch.setattr(stand_in, "TAKEOVER_SECONDS", 4.0)
    song = add_song()
    run, twin = submit(song, epochs=30, epoch_ms=150), submit(song, device="cpu", epochs=30, epoch_ms=1)
    with standing_in(run, shared, jobs := LocalJobs()):
        until(lambda: len(api.get_run(run.id).history) >= 3, 60, "three epochs")
        workers = psutil.Process(jobs.processes[0].pid).children(recursive=True)
        jobs.kill()
        until(lambda: not any(each.is_running() for each in workers), 5, "the worker has ended with its parent")
    work_here(twin.id)
    run = api.get_run(run.id)
    assert (run.state, epochs(run)) == ("succeeded", list(range(1, 31)))
    assert np.array_equal(weights(run.id), weights(twin.id))
    numbers = attempts(run)
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2}, "each row tells who wrote it"
    assert jobs.stopped == [f"{run.id}-1"]


@pytest.mark.slow
def test_a_node_that_stood_still_and_wakes_up_spoils_nothing(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "TAKEOVER_SECONDS", 3.0)
    run = submit(add_song(), epochs=25, epoch_ms=150)
    with standing_in(run, shared, jobs := LocalJobs()):
        until(lambda: len(api.get_run(run.id).history) >= 2, 60, "two epochs")
        first = jobs.processes[0]
        os.kill(first.pid, signal.SIGSTOP)
        until(lambda: 2 in attempts(run), 60, "another attempt")
        os.kill(first.pid, signal.SIGCONT)
        assert first.wait(20) == 76, "it finds its fence revoked"
    assert epochs(api.get_run(run.id)) == list(range(1, 26))


@pytest.mark.parametrize(
    ("wish", "state"), [(api.cancel, "cancelled"), pytest.param(api.pause, "paused", marks=pytest.mark.slow)]
)
def test_wishes_reach_the_node(shared: Path, wish: Any, state: str) -> None:
    run = submit(add_song(), epochs=1000, epoch_ms=100)
    with standing_in(run, shared, LocalJobs()):
        until(lambda: api.get_run(run.id).history, 60, "an epoch")
        wish(run.id)
        began = time.monotonic()
        until(lambda: not api.get_run(run.id).is_active, 30, state)
        print(f"{state} after {time.monotonic() - began:.1f} s")
    run = api.get_run(run.id)
    assert run.state == state
    assert run.can_generate
    if state == "paused":
        api.resume(run.id, epochs=len(run.history) + 2)
        with standing_in(api.get_run(run.id), shared, LocalJobs()):
            pass
        again = api.get_run(run.id)
        assert (again.state, len(again.history)) == ("succeeded", len(run.history) + 2)
        assert attempts(run)[-1] == 2, "the numbers go on after a rest"


@pytest.mark.slow
def test_the_process_here_may_die_and_the_next_one_takes_up(shared: Path) -> None:
    """As after a restart of this machine: the training on the node is not begun again."""
    run, jobs = submit(add_song(), epochs=40, epoch_ms=150), LocalJobs()

    with pytest.MonkeyPatch.context() as patch:

        def dies(self: Any) -> None:
            if len(api.get_run(run.id).history) >= 2:
                raise SystemExit(75)

        patch.setattr(stand_in.Following, "_give_up_what_is_wished", dies)
        patch.setattr(LocalJobs, "close", lambda self: None)
        with standing_in(run, shared, jobs):
            pass
    row = states.read_task(run.task.id)
    assert row is not None
    assert row["state"] == "running"
    assert liveness.settle(row)
    assert api.get_run(run.id).state == "queued"
    with standing_in(api.get_run(run.id), shared, jobs):
        pass
    run = api.get_run(run.id)
    assert (run.state, epochs(run)) == ("succeeded", list(range(1, 41)))
    assert set(attempts(run)) == {1}
    assert jobs.names == [f"{run.id}-1"]


def test_songs_that_arrive_changed_are_refused(shared: Path) -> None:
    run, jobs = submit(add_song(), epochs=2), LocalJobs()
    submitted = jobs.submit

    def spoil(attempt: Attempt, name: str) -> None:
        files = attempt.order()["files"]
        object_path(shared, next(files[each] for each in files if each.endswith("audio.wav"))).write_bytes(b"RIFF")
        submitted(attempt, name)

    jobs.submit = spoil  # type: ignore[method-assign]
    with standing_in(run, shared, jobs):
        pass
    run = api.get_run(run.id)
    assert run.state == "failed"
    assert "Files must reach a node as they were sent" in run.reason


def test_a_cancel_before_it_began_is_done_at_once(shared: Path) -> None:
    run, jobs = submit(add_song(), epochs=2), LocalJobs()
    jobs.submit = lambda attempt, name: None  # type: ignore[method-assign]  # no room on the cluster
    with standing_in(run, shared, jobs):
        until(lambda: "waiting for room" in str(api.get_run(run.id).progress.get("phase")), 20)
        api.cancel(run.id)
    assert api.get_run(run.id).state == "cancelled"
    assert not list((shared / "tasks").iterdir())


def test_a_cluster_that_does_not_answer_is_said_in_a_sentence(shared: Path) -> None:
    run, jobs = submit(add_song(), epochs=2), LocalJobs()

    def refuse(attempt: Attempt, name: str) -> None:
        raise InvalidInput("The cluster at http://127.0.0.1:8265 must answer.")

    jobs.submit = refuse  # type: ignore[method-assign]
    with standing_in(run, shared, jobs):
        pass
    run = api.get_run(run.id)
    assert (run.state, run.reason) == ("failed", "The cluster at http://127.0.0.1:8265 must answer.")


def test_what_is_missing_is_said(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured.problem() == ""
    (shared.parent / "token").chmod(0o644)
    assert "chmod 600" in configured.problem()
    monkeypatch.setenv("MUSICGEN_CLUSTER_FOLDER", "shared")
    assert "same full path" in configured.problem()
    monkeypatch.setenv("MUSICGEN_CLUSTER_ADDRESS", "10.0.0.5:8265")
    assert "such as http://10.0.0.5:8265" in configured.problem()
    with pytest.raises(InvalidInput):
        submit(add_song())
    monkeypatch.delenv("MUSICGEN_CLUSTER_ADDRESS")
    assert "Set MUSICGEN_CLUSTER_ADDRESS" in configured.problem()
    assert not configured.is_configured()


def test_pieces_are_made_here(shared: Path) -> None:
    run = submit(add_song(), device="cpu", epochs=1)
    work_here(run.id)
    with pytest.raises(InvalidParameter, match="on this machine"):
        api.submit_generation(run.id, device="cluster")


def test_the_supervisor_gives_only_so_many_at_a_time(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_CLUSTER_RUNS", "2")
    cluster = Supervisor().executor({"device": "cluster"})
    task = {"device": "cluster", "kind": "train"}
    assert cluster.place(task, [("cpu", "train"), ("cluster", "train")]) == "cluster"
    assert cluster.place(task, [("cluster", "train")] * 2) is None


def test_the_limits_leave_room_for_slow_clocks() -> None:
    assert leases.BEAT_SECONDS * 3 < leases.LEASE_SECONDS < leases.TAKEOVER_SECONDS
    assert stand_in.TAKEOVER_SECONDS == leases.TAKEOVER_SECONDS


def test_a_run_goes_on_where_one_says(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submit(add_song(), epochs=2)
    api.cancel(run.id)
    api.resume(run.id, on="local")
    assert api.get_run(run.id).task.device == api.get_run(run.id).request["device"] == "auto"
    api.cancel(run.id)
    api.resume(run.id, on="cluster")
    assert api.get_run(run.id).task.device == "cluster"
    api.cancel(run.id)
    monkeypatch.delenv("MUSICGEN_CLUSTER_ADDRESS")
    with pytest.raises(InvalidInput, match="needs its address"):
        api.resume(run.id)
    api.resume(run.id, on="local")
    assert work_here(run.id).state == "succeeded"


def test_the_command_line_says_where(shared: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    song = add_song()
    monkeypatch.delenv("MUSICGEN_CLUSTER_FOLDER")
    left = cli("train", "ticking", song, "--on", "cluster", code=1)
    assert "MUSICGEN_CLUSTER_FOLDER must be a folder that this machine and all nodes share" in left.err
    assert cli("train", "ticking", song, "--on", "cluster", "--device", "cpu", code=2).err
    assert cli("train", "ticking", song, "--on", "moon", code=2).err
    assert not api.list_runs()
