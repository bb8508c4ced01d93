"""Who may write for a task on a cluster: leases and fences, on clocks that the tests set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.errors import CorruptArtifact
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.cluster import leases
from musicgen.runs.cluster.carrying import Carrier
from musicgen.runs.cluster.leases import LEASE_SECONDS, TAKEOVER_SECONDS, Lease, LeaseLost, Watch
from musicgen.runs.cluster.places import (
    Attempt,
    current_number,
    fetch,
    grant,
    new_attempt,
    object_path,
    store,
    tidy,
)
from musicgen.runs.folders import CHECKPOINTS, HISTORY
from musicgen.storage.files import read_json

TASK = "task-0123456789ab"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def given(shared: Path, after: int = 0) -> Attempt:
    attempt = new_attempt(shared, TASK, after)
    grant(attempt, {"format": 1})
    return attempt


def checkpoint(folder: Path, epoch: int, value: float) -> None:
    Checkpoints(folder / CHECKPOINTS).publish(
        epoch, {"score": value}, {}, lambda place: np.save(place / "weights.npy", np.full(4, value))
    )


def test_numbers_only_grow(tmp_path: Path) -> None:
    first, second = given(tmp_path), given(tmp_path)
    assert (first.number, second.number) == (1, 2)
    second.forget()
    assert given(tmp_path, after=second.number).number == 3
    assert current_number(tmp_path, TASK) == 3


def test_a_new_attempt_takes_the_lease_from_the_one_before(tmp_path: Path) -> None:
    first = given(tmp_path)
    lease = Lease(first)
    lease.renew()
    given(tmp_path)
    with pytest.raises(LeaseLost, match="another attempt"):
        lease.renew()
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_holder_that_could_not_renew_has_lost_the_lease_for_good(tmp_path: Path, monkeypatch: Any) -> None:
    clock, attempt = Clock(), given(tmp_path)
    lease = Lease(attempt, clock=clock)
    lease.renew()
    clock.now += LEASE_SECONDS - 0.1
    lease.check()
    with monkeypatch.context() as patch:

        def unreachable(*_arguments: Any, **_more: Any) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(leases, "write_json", unreachable)
        lease.renew()  # not reachable: no error yet, and no more time
        clock.now += 0.2
        with pytest.raises(LeaseLost, match="12 s"):
            lease.renew()
    with pytest.raises(LeaseLost):
        lease.renew()  # reachable again, and too late


def test_the_other_side_waits_longer_than_the_holder_writes(tmp_path: Path) -> None:
    """Whatever the two clocks show: the one that takes over counts from a renewal that it saw, later than it was."""
    theirs, ours, attempt = Clock(), Clock(), given(tmp_path)
    ours.now = 5.0
    lease, watch = Lease(attempt, clock=theirs), Watch(attempt, clock=ours)
    watch.look()
    assert not watch.has_begun
    lease.renew()
    watch.look()
    assert watch.has_begun
    for clock in (theirs, ours):
        clock.now += TAKEOVER_SECONDS
    watch.look()
    assert watch.silent_seconds >= TAKEOVER_SECONDS > LEASE_SECONDS
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_worker_whose_lease_is_taken_writes_nothing_more(tmp_path: Path) -> None:
    """Neither a checkpoint nor a row of the history; and had it written, only into a folder that nobody reads."""
    work, shared = tmp_path / "work", tmp_path / "shared"
    first = given(shared)
    lease = Lease(first)
    lease.renew()
    checkpoint(work, 1, 0.5)
    (work / HISTORY).write_text('{"epoch": 1}\n')
    carrier = Carrier(work, first.folder, check=lease.check)
    assert carrier.carry()
    second = new_attempt(shared, TASK, 0)
    grant(second, {})
    assert not first.folder.exists(), "what an earlier attempt wrote is gone"
    checkpoint(work, 2, 0.25)
    (work / HISTORY).write_text('{"epoch": 1}\n{"epoch": 2}\n')
    with pytest.raises(LeaseLost):
        carrier.carry()
    assert not first.folder.exists()
    assert sorted(path.name for path in second.folder.iterdir()) == ["order.json", "wish.json"]


def test_a_lease_that_is_lost_while_a_checkpoint_is_copied_publishes_none(tmp_path: Path) -> None:
    work, shared = tmp_path / "work", tmp_path / "shared"
    attempt = given(shared)
    lease = Lease(attempt)
    checkpoint(work, 1, 0.5)
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:  # after the copy, before its name
            attempt.revoke()
        lease.check()

    with pytest.raises(LeaseLost):
        Carrier(work, attempt.folder, check=check).carry()
    assert not Checkpoints(attempt.folder / CHECKPOINTS).all()


def test_results_are_copied_once_and_removed_where_the_source_removed_them(tmp_path: Path) -> None:
    work, there, home = tmp_path / "work", tmp_path / "there", tmp_path / "home"
    up, down = Carrier(work, there, replaces=True), Carrier(there, home)
    checkpoint(work, 1, 0.5)
    assert up.carry()
    assert down.carry()
    assert not up.carry()
    assert not down.carry()
    checkpoint(work, 2, 0.25)
    Checkpoints(work / CHECKPOINTS).remove(Checkpoints(work / CHECKPOINTS).all()[:1])
    assert up.carry()
    assert down.carry()
    assert [each.epoch for each in Checkpoints(there / CHECKPOINTS).all()] == [2]
    brought = Checkpoints(home / CHECKPOINTS).all()
    assert [each.epoch for each in brought] == [1, 2], "here, the run decides itself what it keeps"
    for each in brought:
        each.verify()


def test_a_checkpoint_made_again_replaces_the_one_of_that_epoch(tmp_path: Path) -> None:
    work, other, home = tmp_path / "work", tmp_path / "other", tmp_path / "home"
    checkpoint(work, 3, 0.5)
    checkpoint(other, 3, 0.75)
    Carrier(work, home).carry()
    assert Carrier(other, home).carry()
    (kept,) = Checkpoints(home / CHECKPOINTS).all()
    assert kept.score == 0.75


def test_files_are_checked_by_their_content(tmp_path: Path) -> None:
    song = tmp_path / "score.mid"
    song.write_bytes(b"MThd and so on")
    sha256 = store(tmp_path / "shared", song)
    assert store(tmp_path / "shared", song) == sha256
    fetch(tmp_path / "shared", sha256, tmp_path / "node" / "score.mid")
    assert (tmp_path / "node" / "score.mid").read_bytes() == song.read_bytes()
    object_path(tmp_path / "shared", sha256).write_bytes(b"MThd and so off")
    with pytest.raises(CorruptArtifact, match="another content"):
        fetch(tmp_path / "shared", sha256, tmp_path / "again" / "score.mid")
    assert not (tmp_path / "again" / "score.mid").exists()
    with pytest.raises(CorruptArtifact, match="no file"):
        fetch(tmp_path / "shared", sha256, tmp_path / "again" / "score.mid")
    assert store(tmp_path / "shared", song) == sha256, "sent anew"
    fetch(tmp_path / "shared", sha256, tmp_path / "again" / "score.mid")


def test_files_that_nothing_has_needed_for_a_day_are_removed(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    needed, unneeded = (store(tmp_path, path) for path in paths)
    tidy(tmp_path, set)
    assert object_path(tmp_path, unneeded).exists()
    later = object_path(tmp_path, needed).stat().st_mtime + 25 * 3600
    tidy(tmp_path, lambda: {needed}, clock=lambda: later)
    assert object_path(tmp_path, needed).exists()
    assert not object_path(tmp_path, unneeded).exists()


def test_a_holder_tells_who_it_is(tmp_path: Path) -> None:
    attempt = given(tmp_path)
    Lease(attempt, lambda: {"node": "alpha"}).renew()
    told = read_json(attempt.folder / "lease.json")
    assert (told["number"], told["beat"], told["node"]) == (1, 1, "alpha")


def test_rows_arrive_before_the_weights_that_follow_them(tmp_path: Path) -> None:
    """A node that is lost between the two leaves no gap in the history."""
    work, shared = tmp_path / "work", tmp_path / "shared"
    checkpoint(work, 2, 0.5)
    (work / HISTORY).write_text('{"epoch": 1}\n')
    calls = []

    def dies_after_one_write() -> None:
        calls.append(1)
        if len(calls) > 1:
            raise LeaseLost("gone")

    with pytest.raises(LeaseLost):
        Carrier(work, shared, check=dies_after_one_write).carry()
    assert (shared / HISTORY).read_text() == '{"epoch": 1}\n'
    assert not Checkpoints(shared / CHECKPOINTS).all()
