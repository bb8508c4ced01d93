"""Tasks, read from the record and the files beside it. Light: no framework, no sound libraries.

Reading also repairs: if active work has lost its supervisor, a new one is started; if its worker died, its state is
corrected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import MusicgenError
from musicgen.runs import liveness, rows, states
from musicgen.runs.drafts import Draft, latest_draft
from musicgen.runs.folders import LOG, PROGRESS, task_folder
from musicgen.runs.launching import ensure_supervisor, supervisor_lives
from musicgen.runs.progress import elapsed_seconds, read_progress
from musicgen.runs.runlog import tail
from musicgen.storage import database
from musicgen.storage.database import check_id, outputs, tasks


@dataclass(frozen=True)
class Task:
    """One piece of work in the queue: `kind` train or generate.

    Attributes:
        wish: the user's request to a running task: "", cancel or pause.
        reason, advice: one sentence each, or empty.
        started_at, finished_at: of the latest period of work, by the wall clock, for display.
        work_seconds: `seconds` as the record has it. sequence: the order of the queue.
    """

    id: str
    kind: str
    run_id: str
    state: str
    device: str
    request: dict[str, Any]
    reason: str
    advice: str
    wish: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    work_seconds: float | None = None
    sequence: int = 0

    @property
    def folder(self) -> Path:
        return task_folder(self.kind, self.run_id, self.id)

    @property
    def seconds(self) -> float | None:
        """Seconds of work in total, by a steady clock; None before there was any."""
        if self.is_active or self.work_seconds is None:
            told = elapsed_seconds(self.folder / PROGRESS)
            return self._seconds_apart() if told is None else told
        return self.work_seconds

    def _seconds_apart(self) -> float | None:
        """For tasks of an earlier version: by the wall clock."""
        if self.is_active or self.started_at is None or self.finished_at is None:
            return self.work_seconds
        return self.finished_at - self.started_at if self.finished_at >= self.started_at else None

    @property
    def is_active(self) -> bool:
        """Whether it is queued or running."""
        return self.state in states.ACTIVE

    @cached_property
    def progress(self) -> dict[str, Any]:
        """phase, epoch, epochs, step, steps, loss, seconds_left, device, elapsed_seconds, memory_bytes …: JSON, as far
        as known. At rest, it shows where the work stopped."""
        if self.state in (states.QUEUED, states.STARTING):
            return {"phase": "waiting" if self.state == states.QUEUED else "starting", "device": self.device}
        found = {"device": self.device, **read_progress(self.folder / PROGRESS)}
        return found if self.is_active else {**found, "phase": self.state, "seconds_left": None}

    @property
    def draft(self) -> Draft | None:
        """The beginning of the piece that is being generated now."""
        return latest_draft(self.folder) if self.state == states.RUNNING and self.kind == "generate" else None

    @property
    def output_ids(self) -> list[str]:
        """Outputs of this task, oldest first."""
        made = sa.select(outputs.c.id).where(outputs.c.task_id == self.id).order_by(outputs.c.sequence, outputs.c.id)
        return [row["id"] for row in database.every(made)]

    def log_tail(self, lines: int = 40) -> list[str]:
        return tail(self.folder / LOG, lines)


def get_task(task_id: str) -> Task:
    """The task. Raises NotFound."""
    return rows.only(_read_tasks(tasks.c.id == check_id("task", task_id)), "task", task_id)


def list_tasks(run_id: str | None = None, kind: str | None = None, active_only: bool = False) -> list[Task]:
    """Newest first; `kind`: train or generate."""
    conditions = [
        *([tasks.c.run_id == run_id] if run_id else []),
        *([tasks.c.kind == kind] if kind else []),
        *([tasks.c.state.in_(states.ACTIVE)] if active_only else []),
    ]
    found = _read_tasks(*conditions)
    return [task for task in found if task.is_active] if active_only else found


def count_active(kind: str | None = None) -> int:
    """How many tasks are queued or running, without reading them."""
    return rows.count(tasks, tasks.c.state.in_(states.ACTIVE), *([tasks.c.kind == kind] if kind else []))


def count_ahead(owner_id: str) -> int:
    """How many tasks, queued or running, were submitted before those of this run, or before this task."""
    is_mine = sa.or_(tasks.c.id == owner_id, tasks.c.run_id == owner_id)
    is_active = tasks.c.state.in_(states.ACTIVE)
    place = sa.select(sa.func.min(tasks.c.sequence)).where(is_mine, is_active).scalar_subquery()
    return rows.count(tasks, is_active, sa.not_(is_mine), tasks.c.sequence < place)


def _read_tasks(*conditions: Any) -> list[Task]:
    statement = sa.select(tasks).where(*conditions).order_by(tasks.c.sequence.desc(), tasks.c.id)
    return [task_of_row(row) for row in looked_after(lambda: database.every(statement), lambda row: row)]


def task_of_row(row: dict[str, Any]) -> Task:
    """The task of a row of the record."""
    return Task(**{name: row[name] for name in Task.__dataclass_fields__})


def looked_after(read: Callable[[], list[Any]], task_of: Callable[[Any], dict[str, Any]]) -> list[Any]:
    """The result of `read`, read again if a worker turned out to be dead. `task_of`: the task in each part of it."""
    found = read()
    active = [task for task in map(task_of, found) if task["state"] in states.ACTIVE]
    if not active:
        return found
    try:
        if supervisor_lives():
            return found
        was_moved = [liveness.settle(task) for task in active if task["state"] == states.RUNNING]
        ensure_supervisor()
    except (MusicgenError, OSError):  # viewing must also work on a full or read-only disk
        return found
    return read() if any(was_moved) else found
