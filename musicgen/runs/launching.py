"""Starts the supervisor and the workers, each in a session of its own, so that they survive a Ctrl-C in the terminal
and the end of the server or supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from musicgen.processes import ROOT, child_environment
from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.folders import CONSOLE, searcher_lock, supervisor_lock
from musicgen.runs.locks import is_held
from musicgen.runs.versions import backend_name
from musicgen.runs.waking import wake
from musicgen.settings import home
from musicgen.storage.files import check_free_space
from musicgen.storage.reserve import keep_room

SECONDS_BETWEEN_STARTS = 2.0
SEARCHER = "musicgen.search.searcher"  # above this package, so it is named and not imported

_started: list[subprocess.Popen[bytes]] = []
_started_at = -1e9
_searcher_at = -1e9


def supervisor_lives() -> bool:
    return is_held(supervisor_lock())


def make_ready() -> None:
    """Check that new work can start, before it is recorded. Raises MusicgenError or OSError if the disk is too full or
    a supervisor could not start; nothing has been changed then."""
    check_free_space()
    if not supervisor_lives():
        supervisor_lock().touch(mode=0o600)
    keep_room()


def ensure_supervisor() -> None:
    """Start the supervisor if none is running, else let it look at once for what is new. If two start at once, the
    lock decides between them."""
    global _started_at
    _started[:] = [process for process in _started if process.poll() is None]
    if supervisor_lives():
        wake(supervisor_lock().parent)
        return
    if time.monotonic() - _started_at < SECONDS_BETWEEN_STARTS:
        return
    _started_at = time.monotonic()
    console = supervisor_lock().with_name("supervisor.txt")
    _started.append(_start("musicgen.runs.supervisor", [], console, child_environment()))


def searcher_lives() -> bool:
    return is_held(searcher_lock())


def ensure_searcher() -> None:
    """Start the process that goes on with the searches if none is running, as `ensure_supervisor` does."""
    global _searcher_at
    _started[:] = [process for process in _started if process.poll() is None]
    if searcher_lives() or time.monotonic() - _searcher_at < SECONDS_BETWEEN_STARTS:
        return
    _searcher_at = time.monotonic()
    console = searcher_lock().with_name("searcher.txt")
    _started.append(_start(SEARCHER, [], console, child_environment()))


def start_worker(task_id: str, fence: str, folder: Path, device: str) -> subprocess.Popen[bytes]:
    """Start the worker of a task that was claimed with this fence."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _start("musicgen.runs.worker", [task_id, fence], folder / CONSOLE, worker_environment(device))


def start_stand_in(task_id: str, fence: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that stands for a task on the cluster; see `cluster.stand_in`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _start("musicgen.runs.cluster.stand_in", [task_id, fence], folder / CONSOLE, child_environment())


def start_spare(device: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that waits for a task on this device; see `spare`."""
    pipes = subprocess.PIPE, subprocess.PIPE
    return _start("musicgen.runs.spare", [device], supervisor_lock().with_name("spare.txt"), environment, pipes)


def worker_environment(device: str) -> dict[str, str]:
    """The environment of a worker: an allow-list without secrets. What the user set for the libraries is kept."""
    return child_environment(framework_settings(device))


def framework_settings(device: str) -> dict[str, str | None]:
    """Environment variables for a process that loads the network library: changes for `child_environment`."""
    changes: dict[str, str | None] = {
        "PYTHONUNBUFFERED": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        # JAX would reserve most of a GPU, but a generation may run beside a training.
        "XLA_PYTHON_CLIENT_PREALLOCATE": os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE", "false"),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "KERAS_BACKEND": backend_name(),
        "KERAS_HOME": os.environ.get("KERAS_HOME") or str(home() / "keras"),  # not the keras.json of other projects
    }
    if device in ("cpu", CLUSTER):  # for the cluster, only plans are made here
        changes["CUDA_VISIBLE_DEVICES"] = "-1"  # or TensorFlow reserves memory on a GPU that it does not use
        changes["JAX_PLATFORMS"] = "cpu"
    return changes


def _start(
    module: str,
    arguments: list[str],
    console: Path,
    environment: dict[str, str],
    pipes: tuple[int, int] | None = None,
) -> subprocess.Popen[bytes]:
    """`pipes`: instead of no input, and of an output to the console."""
    with open_console(console) as file:
        stdin, stdout = pipes or (subprocess.DEVNULL, file)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=file,
            cwd=ROOT,
            env=environment,
            close_fds=True,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )


def open_console(path: Path) -> BinaryIO:
    """An emptied file for the output of a process; nowhere if it cannot be created: it is for people only."""
    try:
        with open(path, "wb") as _:
            pass  # a new start, a new console
        return open(path, "ab")  # appending, so that emptying a long one works
    except OSError:
        return open(os.devnull, "ab")
