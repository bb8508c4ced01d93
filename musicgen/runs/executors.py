"""Where a task is done. An executor finds a place for it and starts the process that stands for it on this machine.

Whatever the place, that process holds the lock of the task, carries its fence and hears SIGTERM; so the supervisor
watches, ends and settles all tasks in one way.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.devices import check_device, pick_device
from musicgen.runs.launching import start_stand_in, start_worker
from musicgen.runs.ready_pool import ReadyPool
from musicgen.runs.ready_process import ReadyProcess
from musicgen.settings import settings

Slot = tuple[str, str]  # a device and a kind of task


@dataclass(frozen=True)
class Started:
    """The process that stands for a task. `ready`: if it was kept ready for it."""

    process: subprocess.Popen[bytes]
    ready: ReadyProcess | None = None


class Executor(Protocol):
    """One kind of place where tasks are done."""

    def place(self, task: Mapping[str, Any], busy: Sequence[Slot]) -> str | None:
        """A device for the task; None if it has to wait. Raises MusicgenError if it can never be done here."""

    def start(self, task: Mapping[str, Any], fence: str, folder: Path, device: str) -> Started:
        """Start the process of a task that was claimed with this fence. Raises OSError."""


class LocalExecutor:
    """This machine: one training and one generation at a time on each device, so that generations do not wait for long
    trainings."""

    def __init__(self, pool: ReadyPool) -> None:
        self.pool = pool

    def place(self, task: Mapping[str, Any], busy: Sequence[Slot]) -> str | None:
        taken = {device for device, kind in busy if kind == task["kind"]}
        return pick_device(task["device"], taken, together=task["kind"] == "train")

    def start(self, task: Mapping[str, Any], fence: str, folder: Path, device: str) -> Started:
        ready = self.pool.hand_over(task, fence, folder, device)
        return Started(ready.process if ready else start_worker(task["id"], fence, folder, device), ready)


class ClusterExecutor:
    """A Ray cluster: a process here stands for each task, and Ray decides which node does it."""

    def place(self, task: Mapping[str, Any], busy: Sequence[Slot]) -> str | None:
        check_device(CLUSTER)
        given = sum(device == CLUSTER for device, _ in busy)
        return CLUSTER if given < settings().cluster_runs else None

    def start(self, task: Mapping[str, Any], fence: str, folder: Path, device: str) -> Started:
        return Started(start_stand_in(task["id"], fence, folder))
