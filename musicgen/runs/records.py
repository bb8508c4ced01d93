"""Runs and outputs, read from the record and the files beside it. Light: no framework, no sound libraries.

Reading runs also repairs them, as reading tasks does (`task_records.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, DamagedFile
from musicgen.runs import rows, states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.damage import check_request, prepared_damage, read_prepared
from musicgen.runs.folders import (
    CHECKPOINTS,
    HISTORY,
    PREPARED,
    SIDECAR,
    output_folder,
    run_folder,
)
from musicgen.runs.history import best_epoch, history_damage, lost_history, read_history
from musicgen.runs.task_records import Task, looked_after, task_of_row
from musicgen.storage import database
from musicgen.storage.database import check_id, outputs, runs, tasks
from musicgen.storage.files import read_json

if TYPE_CHECKING:
    from musicgen.clips import Clip

PAUSING = "It pauses at the end of this epoch. Cancel stops it at once; it can be resumed after that too."


@dataclass(frozen=True)
class Run:
    """One training, with the state of its task. Files are read when first needed.

    Attributes:
        request: approach, preset, training (all parameters), seed, songs [{id, name, sha256, tracks}], device.
        state: queued, starting, running, paused, succeeded, failed or cancelled.
        rights: to its songs and its music, as its owner states them.
    """

    id: str
    name: str
    approach: str
    request: dict[str, Any]
    created_at: float
    task: Task
    sequence: int = 0
    rights: str = ""

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
        Run(**{name: row[name] for name in _RUN_COLUMNS}, task=task_of_row(task), rights=row["rights"] or "")
        for row, task in looked_after(read, lambda pair: pair[1])
    ]


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
