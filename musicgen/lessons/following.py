"""How far the work of an attempt is: its trainings and the pieces after them, and the time left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from musicgen.errors import NotFound
from musicgen.lessons.attempts import Attempt
from musicgen.lessons.lesson import LessonRun, Pieces
from musicgen.runs.following import task_after
from musicgen.runs.records import Run, get_run
from musicgen.wording import count

WAITING, DONE, GONE = "waiting", "succeeded", "gone"
MAX_SCALE = 20.0  # a machine that is slower than this is at other work


@dataclass(frozen=True)
class Part:
    """A training, or the making of pieces.

    Attributes:
        work_id: of the run or the task; "" while it is not ordered. run_id: of its run.
        state: that of the task; `waiting` until it is ordered, `gone` if its run was deleted.
        expected: seconds, as the lesson says. used: seconds until now; None before it began.
    """

    title: str
    kind: str
    work_id: str
    run_id: str
    state: str
    expected: float
    used: float | None = None
    progress: Mapping[str, Any] | None = None
    reason: str = ""

    @property
    def is_active(self) -> bool:
        return self.state in ("queued", "starting", "running", WAITING)

    @property
    def is_done(self) -> bool:
        return self.state == DONE

    @property
    def share(self) -> float:
        """How much of it is done, 0 … 1."""
        if self.is_done:
            return 1.0
        told = self.progress or {}
        steps = told.get("steps") or told.get("total") or 0
        part = min((told.get("step") or told.get("done") or 0) / steps, 1.0) if steps else 0.0
        if not told.get("epochs"):
            return part
        return float(min((max((told.get("epoch") or 1) - 1, 0) + part) / told["epochs"], 1.0))


@dataclass(frozen=True)
class Work:
    """All parts, in the order in which they are shown."""

    parts: tuple[Part, ...]

    @property
    def is_done(self) -> bool:
        return all(part.is_done for part in self.parts)

    @property
    def broken(self) -> Part | None:
        """The first part that ended without being done: failed, cancelled, paused or gone."""
        return next((part for part in self.parts if not part.is_done and not part.is_active), None)

    @property
    def is_active(self) -> bool:
        """Whether something of it is at work or will be. Pieces of a run that ended early never begin."""
        return any(part.is_active for part in self.parts if part.state != WAITING or self.broken is None)

    @property
    def share(self) -> float:
        """Of the expected time."""
        total = sum(part.expected for part in self.parts)
        return sum(part.expected * part.share for part in self.parts) / total

    @property
    def seconds_used(self) -> float:
        return sum(part.used or 0.0 for part in self.parts)

    @property
    def scale(self) -> float:
        """How much longer than expected the finished parts took here; 1 before any is finished."""
        done = [part for part in self.parts if part.is_done and part.used]
        if not done:
            return 1.0
        scale = sum(part.used or 0.0 for part in done) / sum(part.expected for part in done)
        return min(max(scale, 1 / MAX_SCALE), MAX_SCALE)

    @property
    def seconds_left(self) -> float:
        """An estimate: what the lesson expects, at the speed of what is finished; of what runs, what it says itself."""
        left = 0.0
        for part in self.parts:
            told = (part.progress or {}).get("seconds_left") if part.state == "running" else None
            if told is not None:
                left += float(told)
            elif part.is_active:
                left += max(part.expected * self.scale * (1.0 - part.share), 1.0)
        return left

    @property
    def words(self) -> str:
        """The end of a sentence: `has 2 of 3 parts done`."""
        if self.broken is not None:
            return f"was stopped: “{self.broken.title}” is {self.broken.state}"
        done = sum(part.is_done for part in self.parts)
        return f"has {done} of {count(len(self.parts), 'part')} done"


def attempt_work(attempt: Attempt) -> Work:
    """The work of an attempt, read from the record."""
    return Work(tuple(_parts(attempt)))


def runs_of(attempt: Attempt) -> dict[str, Run]:
    """name → run, as far as they are queued and still there."""
    found = {run.name: _run_of(attempt, run) for run in attempt.lesson.runs}
    return {name: run for name, run in found.items() if run is not None}


def outputs_of(attempt: Attempt) -> dict[str, list[Any]]:
    """name → the pieces that are there (`Output`s), in the order in which they were made."""
    from musicgen.runs.records import list_outputs

    made: dict[str, list[Any]] = {}
    for name, run in runs_of(attempt).items():
        for number, pieces in enumerate(attempt.lesson.run(name).pieces):
            task = task_after(run.id, number)
            made[pieces.name] = [] if task is None else list_outputs(task_id=task.id)[::-1]
    return made


def _parts(attempt: Attempt) -> Iterator[Part]:
    for known in attempt.lesson.runs:
        run = _run_of(attempt, known)
        if run is None:
            state = GONE if attempt.run_id(known.name) else WAITING
            yield Part(known.title, "train", "", "", state, known.seconds)
        else:
            yield Part(
                known.title, "train", run.id, run.id, run.state, known.seconds, run.seconds, run.progress,
                " ".join(part for part in (run.reason, run.advice) if part),
            )  # fmt: skip
        for number, pieces in enumerate(known.pieces):
            yield _pieces_part(run, number, pieces)


def _pieces_part(run: Run | None, number: int, pieces: Pieces) -> Part:
    task = None if run is None else task_after(run.id, number)
    if run is None or task is None:
        # The worker orders them just before it says that the training is done.
        state = "failed" if run is not None and run.state == DONE else WAITING
        why = run.advice if run is not None and state == "failed" else ""
        return Part(pieces.title, "generate", "", run.id if run else "", state, pieces.seconds, reason=why)
    reason = " ".join(part for part in (task.reason, task.advice) if part)
    return Part(
        pieces.title, "generate", task.id, run.id, task.state, pieces.seconds, task.seconds, task.progress, reason
    )


def _run_of(attempt: Attempt, known: LessonRun) -> Run | None:
    run_id = attempt.run_id(known.name)
    if run_id is None:
        return None
    try:
        return get_run(run_id)
    except NotFound:  # deleted since
        return None
