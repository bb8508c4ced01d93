"""Studies and their trials, read from the record. Light: no framework, no Optuna.

Reading also repairs, as with runs: if a study has lost the process that goes on with it, a new one is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from musicgen.errors import MusicgenError
from musicgen.runs import rows
from musicgen.runs.folders import study_folder
from musicgen.runs.launching import ensure_searcher, searcher_lives
from musicgen.search.preferences import Judgement, likings
from musicgen.search.space import Knob, knobs_from_json
from musicgen.storage import database
from musicgen.storage.database import check_id, judgements, outputs, studies, trials

SEARCHING, FINISHED, STOPPED, FAILED = "searching", "finished", "stopped", "failed"  # of a study
PROPOSED, RUNNING = "proposed", "running"  # of a trial that has not ended
SUCCEEDED, PRUNED, CANCELLED = "succeeded", "pruned", "cancelled"  # and FAILED: of one that has
OPEN = (PROPOSED, RUNNING)
PIECE = "piece"  # in the facts of a trial that is judged by ear: the output that is heard
RESUMES = "resumes"  # in the facts of a trial that ended with its study: its run goes on if the study does


@dataclass(frozen=True)
class Trial:
    """One training of a study.

    Attributes:
        number: from 0, which is the preset. run_id: "" before it is in the queue.
        parameters: values of the search space. facts: epochs, effort (of an epoch), curve (see `curves`), …
        value: lowest held-out loss; None before its first epoch. seconds: of training.
    """

    id: str
    study_id: str
    number: int
    run_id: str
    state: str
    reason: str
    parameters: dict[str, Any]
    facts: dict[str, Any]
    value: float | None
    seconds: float

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def curve(self) -> list[float | None]:
        return list(self.facts.get("curve", ()))

    @property
    def piece(self) -> str:
        """The output that is compared with others by ear; "" for none."""
        return str(self.facts.get(PIECE, ""))

    @property
    def epochs(self) -> int | None:
        """How many epochs it was given."""
        return self.facts.get("epochs")

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number, "run": self.run_id or None, "state": self.state, "value": self.value,
            "parameters": self.parameters, "epochs": self.epochs, "seconds": round(self.seconds, 3),
            "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A search for good settings.

    Attributes:
        request: preset, training (all parameters), fixed, songs, seed, device, leave_out, knobs, by_ear.
        state: searching, finished, stopped or failed. reason: one sentence, or empty.
        max_trials, max_seconds: the budget, of which the first that is used up ends it; 0 for no limit.
        findings: importance: parameter → share.
    """

    id: str
    name: str
    approach: str
    request: dict[str, Any]
    state: str
    reason: str
    max_trials: int
    max_seconds: float
    findings: dict[str, Any]
    created_at: float
    sequence: int = 0

    @property
    def is_active(self) -> bool:
        return self.state == SEARCHING

    @property
    def folder(self) -> Any:
        return study_folder(self.id)

    @property
    def knobs(self) -> list[Knob]:
        return knobs_from_json(self.request["knobs"])

    @cached_property
    def trials(self) -> list[Trial]:
        """In the order of their numbers."""
        return list_trials(self.id)

    @property
    def by_ear(self) -> bool:
        """Whether pairs of pieces are compared by ear, and what is liked leads the search; else the loss does."""
        return bool(self.request.get("by_ear", False))

    @cached_property
    def judgements(self) -> list[Judgement]:
        """In the order in which they were made."""
        return list_judgements(self.id) if self.by_ear else []

    @cached_property
    def likings(self) -> dict[int, float]:
        """Number of a trial → how much it is liked, of those that were compared; see `preferences`."""
        return likings(self.judgements)

    @cached_property
    def pieces(self) -> dict[int, str]:
        """Number of a trial → the output that can be compared by ear. Those that were deleted are left out."""
        found = {trial.number: trial.piece for trial in self.trials if trial.piece}
        there = {row["id"] for row in database.every(sa.select(outputs.c.id).where(outputs.c.id.in_(found.values())))}
        return {number: piece for number, piece in found.items() if piece in there}

    def score(self, trial: Trial) -> float | None:
        """What the search makes small: the held-out loss or, by ear, how little a trial is liked. None: not known."""
        if not self.by_ear:
            return trial.value
        return -self.likings[trial.number] if trial.number in self.likings else None

    @property
    def best_first(self) -> list[Trial]:
        """By score, the first of equal ones first; those without a score last."""

        def place(trial: Trial) -> tuple[bool, float, int]:
            score = self.score(trial)
            return score is None, score or 0.0, trial.number

        return sorted(self.trials, key=place)

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest score; None while none has one."""
        first = next(iter(self.best_first), None)
        return None if first is None or self.score(first) is None else first

    @property
    def preset(self) -> Trial | None:
        """Trial 0."""
        return self.trials[0] if self.trials else None

    @property
    def seconds(self) -> float:
        """Seconds of training, all trials together."""
        return sum(trial.seconds for trial in self.trials)

    @property
    def importance(self) -> dict[str, float]:
        """Parameter → share of the difference between good and other trials; {} before there are enough."""
        return dict(self.findings.get("importance", {}))

    def to_json(self) -> dict[str, Any]:
        best = self.best
        return {
            "study": self.id, "name": self.name, "approach": self.approach, "preset": self.request.get("preset", ""),
            "state": self.state, "reason": self.reason, "seed": self.request.get("seed"),
            "max_trials": self.max_trials or None, "max_minutes": self.max_seconds / 60 or None,
            "seconds": round(self.seconds, 3), "trials": [trial.to_json() for trial in self.trials],
            "best": None if best is None else best.to_json(), "importance": self.importance,
            **({"likings": self.likings, "judgements": len(self.judgements)} if self.by_ear else {}),
        }  # fmt: skip


def get_study(study_id: str) -> Study:
    """The study. Raises NotFound."""
    return rows.only(_read(studies.c.id == check_id("study", study_id)), "study", study_id)


def list_studies(*, limit: int | None = None) -> list[Study]:
    """Newest first."""
    return _read(limit=limit)


def list_trials(study_id: str) -> list[Trial]:
    """In the order of their numbers."""
    chosen = sa.select(trials).where(trials.c.study_id == check_id("study", study_id)).order_by(trials.c.number)
    return [_trial(row) for row in database.every(chosen)]


def list_judgements(study_id: str) -> list[Judgement]:
    """In the order in which they were made."""
    chosen = sa.select(judgements).where(judgements.c.study_id == check_id("study", study_id))
    rows_ = database.every(chosen.order_by(judgements.c.created_at, judgements.c.id))
    return [Judgement(row["one"], row["other"], row["better"]) for row in rows_]


def trial_of_run(run_id: str) -> Trial | None:
    """The trial whose run this is."""
    row = database.one(sa.select(trials).where(trials.c.run_id == run_id))
    return None if row is None else _trial(row)


def studies_at_work() -> list[Study]:
    """Those that search, and those that ended while one of their trials had not: in the order of their start."""
    unsettled = sa.select(trials.c.study_id).where(trials.c.state.in_(OPEN))
    chosen = sa.select(studies).where(sa.or_(studies.c.state == SEARCHING, studies.c.id.in_(unsettled)))
    return [_study(row) for row in database.every(chosen.order_by(studies.c.sequence, studies.c.id))]


def _read(*conditions: Any, limit: int | None = None) -> list[Study]:
    chosen = sa.select(studies).where(*conditions).order_by(studies.c.sequence.desc(), studies.c.id).limit(limit)
    found = [_study(row) for row in database.every(chosen)]
    if any(study.is_active for study in found) and not searcher_lives():
        try:
            ensure_searcher()
        except (MusicgenError, OSError):  # viewing must also work on a full or read-only disk
            return found
    return found


def _study(row: Mapping[str, Any]) -> Study:
    return Study(**{name: row[name] for name in Study.__dataclass_fields__})


def _trial(row: Mapping[str, Any]) -> Trial:
    return Trial(**{name: row[name] for name in Trial.__dataclass_fields__})
