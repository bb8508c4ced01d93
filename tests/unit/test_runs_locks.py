"""The kernel gives a lock back however its holder dies; children never keep it (J1, J2, J10)."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from runs_at_work import until

from musicgen.errors import ResourceUnavailable
from musicgen.processes import ROOT
from musicgen.runs import identity
from musicgen.runs.locks import FileLock, held_elsewhere_or_taken, holder, is_held

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from musicgen.runs.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.take()
if len(sys.argv) > 2:
    subprocess.Popen(["sleep", "60"], start_new_session=True)
print("held", flush=True)
time.sleep(60)
"""


def start_holder(path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), *arguments], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    process.stdout.close()
    return process


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = FileLock(path), FileLock(path)
    assert not is_held(path)
    assert first.take()
    assert first.take()
    assert not second.take(patience=0.0)
    assert is_held(path)
    assert holder(path) == os.getpid()
    with held_elsewhere_or_taken(path) as is_ours:
        assert not is_ours
    first.release()
    assert not is_held(path)
    with held_elsewhere_or_taken(path) as is_ours:
        assert is_ours
        assert is_held(path)
    assert second.take(patience=0.0)
    second.release()


@pytest.mark.parametrize("arguments", [(), ("with a child",)])
def test_a_killed_holder_holds_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Even where a child that it started is still there."""
    path = tmp_path / "lock"
    process = start_holder(path, *arguments)
    assert is_held(path)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(children) == len(arguments)
    process.kill()
    process.wait()
    until(lambda: not is_held(path), 1.0)
    assert FileLock(path).take(patience=0.0)
    for pid in children:
        os.kill(pid, 9)


def test_a_lock_file_that_was_left_behind_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("1")
    assert not is_held(path)
    assert holder(path) == 1
    path.write_text("nonsense")
    assert holder(path) is None
    assert not is_held(tmp_path / "never there")


def test_waiting_for_a_lock_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FileLock(tmp_path / "lock")
    monkeypatch.setattr(other, "take", lambda patience: FileLock.take(other, 0.05))
    with FileLock(tmp_path / "lock"), pytest.raises(ResourceUnavailable, match="Only one process at a time"):
        other.__enter__()
    assert not is_held(tmp_path / "lock")


def test_a_disk_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_descriptor: int, _kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ResourceUnavailable, match=r"No locks available.*MUSICGEN_HOME"):
        FileLock(tmp_path / "lock").take()


def test_identity_tells_a_process_from_its_successor(tmp_path: Path) -> None:
    """A process number that was given to another process is never signalled (J10)."""
    process = subprocess.Popen(["sleep", "60"])
    known = {"pid": process.pid, "started": identity.started(process.pid)}
    assert identity.is_same(known)
    for stale in ({**known, "started": "12345"}, {"pid": process.pid}, {"pid": None}, {}):
        assert not identity.is_same(stale)
        identity.ask_to_end(stale)
        identity.end_tree(stale)
    assert process.poll() is None
    identity.ask_to_end(known)
    assert process.wait(5) == -15
    assert not identity.is_same(known)


def test_ending_takes_the_children_along() -> None:
    script = "import subprocess, time; p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
    script += "print(p.pid, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.stdout.close()
    known_child = {"pid": child, "started": identity.started(child)}
    identity.end_tree({"pid": process.pid, "started": identity.started(process.pid)})
    assert process.wait(5) == -9
    until(lambda: not identity.is_same(known_child) or is_zombie(child), 2.0)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_identity_of_this_process() -> None:
    mine = identity.identity()
    assert mine["pid"] == os.getpid()
    assert identity.is_same(mine)
    assert mine["boot"] == identity.boot_id()
