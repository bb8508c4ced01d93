"""Runs, tasks and outputs, read from the record and the files beside it. Light: no framework, no sound libraries.

Reading also repairs: if active work has lost its supervisor, a new one is started; if its worker died, its state is
corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, DamagedFile, MusicgenError
from musicgen.runs import liveness, rows, states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.damage import check_request, prepared_damage, read_prepared
from musicgen.runs.drafts import Draft, latest_draft
from musicgen.runs.folders import (
    CHECKPOINTS,
    HISTORY,
    LOG,
    PREPARED,
    PROGRESS,
    SIDECAR,
    output_folder,
    run_folder,
    task_folder,
)
from musicgen.runs.history import best_epoch, history_damage, lost_history, read_history
from musicgen.runs.launching import ensure_supervisor, supervisor_lives
from musicgen.runs.progress import elapsed_seconds, read_progress
from musicgen.runs.runlog import tail
from musicgen.storage import database
from musicgen.storage.database import check_id, outputs, runs, tasks
from musicgen.storage.files import read_json

if TYPE_CHECKING:
    from musicgen.clips import Clip

PAUSING = "It pauses at the end of this epoch. Cancel stops it at once; it can be resumed after that too."


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
        return [output.id for output in list_outputs(task_id=self.id)[::-1]]

    def log_tail(self, lines: int = 40) -> list[str]:
        return tail(self.folder / LOG, lines)


@dataclass(frozen=True)
class Run:
    """One training, with the state of its task. Files are read when first needed.

    Attributes:
        request: approach, preset, training (all parameters), seed, songs [{id, name, sha256, tracks}], device.
        state: queued, starting, running, paused, succeeded, failed or cancelled.
    """

    id: str
    name: str
    approach: str
    request: dict[str, Any]
    created_at: float
    task: Task
    sequence: int = 0

    @property
    def state(self) -> str:
        return self.task.state

    @property
    def reason(self) -> str:
        is_pausing = self.state == states.RUNNING and self.task.wish == states.PAUSE
        return self.task.reason or (PAUSING if is_pausing else "")

    @property
    def advice(self) -> str:
        """What to do, and which of its files are damaged."""
        return " ".join(part for part in (self.task.advice, *self.damage) if part)

    @cached_property
    def damage(self) -> tuple[str, ...]:
        """A sentence for each of its files that is damaged: which, and what still works."""
        found = [prepared_damage(self.folder / PREPARED), history_damage(self.folder / HISTORY)]
        if not self.is_active and not self.history and not found[1]:
            found.append(lost_history(self.folder / HISTORY, self.checkpoints))
        try:
            self.check_request()
        except CorruptArtifact as error:
            found.append(str(error))
        return tuple(sentence for sentence in found if sentence)

    def check_request(self) -> None:
        """Raises CorruptArtifact if the record no longer holds this run's settings."""
        check_request("train", self.request, self.id)

    @property
    def is_active(self) -> bool:
        return self.task.is_active

    @property
    def is_stopping(self) -> bool:
        """Whether the user asked it to stop or pause and it has not done so yet."""
        return self.is_active and bool(self.task.wish)

    @property
    def started_at(self) -> float | None:
        return self.task.started_at

    @property
    def finished_at(self) -> float | None:
        return self.task.finished_at

    @property
    def seconds(self) -> float | None:
        """Seconds of work in total; None before there was any."""
        return self.task.seconds

    @property
    def progress(self) -> dict[str, Any]:
        return self.task.progress

    @property
    def folder(self) -> Path:
        return run_folder(self.id)

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """Rows with epoch, loss, val_loss, seconds, learning_rate, extra."""
        return read_history(self.folder / HISTORY)

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest validation loss (training loss if there is no validation)."""
        return best_epoch(self.history)

    @cached_property
    def prepared(self) -> dict[str, Any]:
        """facts, floors, warnings, networks, parameters, flops_per_epoch, memory_bytes; {} if not prepared yet, or if
        damaged."""
        try:
            return read_prepared(self.folder / PREPARED)
        except (OSError, DamagedFile):
            return {}

    @property
    def checkpoints(self) -> list[dict[str, Any]]:
        """Checkpoints to generate from, oldest first: epoch, is_complete, score, is_best."""
        found = Checkpoints(self.folder / CHECKPOINTS)
        best = found.best_first()[:1]
        return [
            {"epoch": each.epoch, "is_complete": each.is_complete, "score": each.score, "is_best": each in best}
            for each in found.all()
        ]

    @property
    def can_generate(self) -> bool:
        """Whether there are weights."""
        return Checkpoints(self.folder / CHECKPOINTS).exist()

    def log_tail(self, lines: int = 40) -> list[str]:
        """The last lines of the log, oldest first."""
        return self.task.log_tail(lines)


@dataclass(frozen=True)
class Output:
    """A piece that a run made. `sidecar`: run, checkpoint, seed, training, generation, prompt, versions, reference
    {song_id, start_seconds, stop_seconds} or None, facts: enough to make it again exactly."""

    id: str
    run_id: str
    task_id: str
    name: str
    medium: str
    seconds: float
    sidecar: dict[str, Any]
    created_at: float
    sequence: int = 0

    @property
    def folder(self) -> Path:
        return output_folder(self.id)

    @cached_property
    def clip(self) -> Clip:
        from musicgen.clips import Clip

        return Clip(self.folder)


_RUN_COLUMNS = ("id", "name", "approach", "request", "created_at", "sequence")


def get_run(run_id: str) -> Run:
    """The run. Raises NotFound."""
    return rows.only(_read_runs(runs.c.id == check_id("run", run_id)), "run", run_id)


def list_runs(*, search: str = "", limit: int | None = None, after: str | None = None) -> list[Run]:
    """Newest first. `search`: part of the name; `after`: only those that follow this id, or NotFound."""
    return _read_runs(*rows.behind(runs, after), *rows.named(runs, search), limit=limit)


def each_run(*, search: str = "", after: str | None = None) -> Iterator[Run]:
    """As `list_runs`, reading some at a time."""
    return rows.each(runs, after, lambda place: _read_runs(*place, *rows.named(runs, search), limit=rows.AT_ONCE))


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


def get_output(output_id: str) -> Output:
    """The output. Raises NotFound."""
    return rows.only(_read_outputs(outputs.c.id == check_id("output", output_id)), "output", output_id)


def list_outputs(
    run_id: str | None = None,
    task_id: str | None = None,
    limit: int | None = None,
    *,
    search: str = "",
    medium: str | None = None,
    after: str | None = None,
) -> list[Output]:
    """Newest first. `search`: part of the name; `after`: only those that follow this id."""
    conditions = _made(run_id, search, medium) + ([outputs.c.task_id == task_id] if task_id else [])
    return _read_outputs(*rows.behind(outputs, after), *conditions, limit=limit)


def each_output(*, run_id: str | None = None, search: str = "", after: str | None = None) -> Iterator[Output]:
    """As `list_outputs`, reading some at a time."""
    conditions = _made(run_id, search)
    return rows.each(outputs, after, lambda place: _read_outputs(*place, *conditions, limit=rows.AT_ONCE))


def count_runs(*, search: str = "", after: str | None = None) -> int:
    """How many runs `list_runs` would return."""
    return rows.count(runs, *rows.behind(runs, after), *rows.named(runs, search))


def count_outputs(
    medium: str | None = None, *, run_id: str | None = None, search: str = "", after: str | None = None
) -> int:
    """How many outputs `list_outputs` would return."""
    return rows.count(outputs, *rows.behind(outputs, after), *_made(run_id, search, medium))


def _made(run_id: str | None, search: str, medium: str | None = None) -> list[Any]:
    return [
        *([outputs.c.run_id == run_id] if run_id else []),
        *([outputs.c.medium == medium] if medium else []),
        *rows.named(outputs, search),
    ]


def _read_runs(*conditions: Any, limit: int | None = None) -> list[Run]:
    statement = (
        sa.select(runs, *(column.label(f"task_{column.name}") for column in tasks.c))
        .join(tasks, sa.and_(tasks.c.run_id == runs.c.id, tasks.c.kind == "train"))
        .where(*conditions)
        .order_by(runs.c.sequence.desc(), runs.c.id)
        .limit(limit)
    )

    def read() -> list[tuple[dict[str, Any], dict[str, Any]]]:
        found = database.every(statement)
        return [(row, {column.name: row[f"task_{column.name}"] for column in tasks.c}) for row in found]

    return [
        Run(**{name: row[name] for name in _RUN_COLUMNS}, task=_task(task))
        for row, task in _looked_after(read, lambda pair: pair[1])
    ]


def _read_tasks(*conditions: Any) -> list[Task]:
    statement = sa.select(tasks).where(*conditions).order_by(tasks.c.sequence.desc(), tasks.c.id)
    return [_task(row) for row in _looked_after(lambda: database.every(statement), lambda row: row)]


def _task(row: dict[str, Any]) -> Task:
    return Task(**{name: row[name] for name in Task.__dataclass_fields__})


def _read_outputs(*conditions: Any, limit: int | None = None) -> list[Output]:
    statement = sa.select(outputs).where(*conditions).order_by(outputs.c.sequence.desc(), outputs.c.id).limit(limit)
    found = database.every(statement)
    return [Output(**row | {"sidecar": row["sidecar"] or _stored_sidecar(row["id"])}) for row in found]


def _stored_sidecar(output_id: str) -> dict[str, Any]:
    """The sidecar file beside the clip, if the record has lost its copy."""
    try:
        found = read_json(output_folder(output_id) / SIDECAR, {})
    except (OSError, DamagedFile):
        return {}
    return found if isinstance(found, dict) else {}


def _looked_after(read: Callable[[], list[Any]], task_of: Callable[[Any], dict[str, Any]]) -> list[Any]:
    """The result of `read`, read again if a worker turned out to be dead."""
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
