"""The changes of studies and trials in the record: one conditional statement each, so that two processes never both
win. Knows no runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from musicgen.search.records import CANCELLED, OPEN, PROPOSED, RESUMES, RUNNING, SEARCHING, Trial
from musicgen.storage import database
from musicgen.storage.database import judgements, studies, trials
from musicgen.storage.reserve import at_last


def end_study(study_id: str, state: str, reason: str = "") -> bool:
    """searching → a state of rest."""
    return _change_study(study_id, state=state, reason=reason)


def remark(study_id: str, reason: str) -> bool:
    """Say something about a study that goes on."""
    return _change_study(study_id, reason=reason)


def _change_study(study_id: str, **values: Any) -> bool:
    statement = sa.update(studies).where(studies.c.id == study_id, studies.c.state == SEARCHING).values(**values)
    return at_last(lambda: database.change(statement)) == 1


def keep_findings(study_id: str, findings: dict[str, Any]) -> None:
    database.change(sa.update(studies).where(studies.c.id == study_id).values(findings=findings))


def add_trial(study_id: str, number: int, parameters: dict[str, Any]) -> bool:
    """A proposal; False if the study has a trial of this number or searches no more."""
    row = {
        "id": f"{study_id}-{number}", "study_id": study_id, "number": number, "run_id": "", "state": PROPOSED,
        "reason": "", "parameters": parameters, "facts": {}, "value": None, "seconds": 0.0,
        "created_at": database.now(),
    }  # fmt: skip
    try:
        with database.engine().begin() as connection:
            state = connection.execute(sa.select(studies.c.state).where(studies.c.id == study_id)).scalar()
            if state != SEARCHING:
                return False
            connection.execute(sa.insert(trials).values(**row))
    except sa.exc.IntegrityError:
        return False
    return True


def take_back(trial: Trial) -> bool:
    """Forget a proposal whose run is not in the queue: if the study goes on, it is made again."""
    chosen = sa.delete(trials).where(trials.c.id == trial.id, trials.c.state == PROPOSED, trials.c.run_id == "")
    return database.change(chosen) == 1


def change_trial(trial: Trial, **values: Any) -> bool:
    """Change an open trial."""
    statement = sa.update(trials).where(trials.c.id == trial.id, trials.c.state.in_(OPEN)).values(**values)
    return at_last(lambda: database.change(statement)) == 1


def add_judgement(study_id: str, one: int, other: int, better: str) -> bool:
    """Which of two trials sounds better; False if this pair was judged before."""
    low, high = sorted((one, other))
    row = {
        "id": f"{study_id}-{low}-{high}", "study_id": study_id, "one": one, "other": other, "better": better,
        "created_at": database.now(),
    }  # fmt: skip
    try:
        database.change(sa.insert(judgements).values(**row))
    except sa.exc.IntegrityError:
        return False
    return True


def go_on(study_id: str, more_trials: int, more_seconds: float) -> bool:
    """A state of rest → searching, with a larger budget; a trial that ended with the study is open again. False if
    the study searches already."""
    with database.engine().begin() as connection:
        row = connection.execute(sa.select(studies).where(studies.c.id == study_id)).mappings().one()
        if row["state"] == SEARCHING:
            return False
        ended = connection.execute(sa.select(trials).where(trials.c.study_id == study_id)).mappings().all()
        used = sum(trial["seconds"] for trial in ended)
        max_trials = _enlarged(row["max_trials"], len(ended), more_trials, more_seconds)
        max_seconds = _enlarged(row["max_seconds"], used, more_seconds, more_trials)
        connection.execute(
            sa.update(studies)
            .where(studies.c.id == study_id)
            .values(state=SEARCHING, reason="", max_trials=max_trials, max_seconds=max_seconds)
        )
        for trial in ended:
            if trial["state"] == CANCELLED and trial["facts"].get(RESUMES):
                connection.execute(sa.update(trials).where(trials.c.id == trial["id"]).values(state=RUNNING))
    return True


def _enlarged(limit: Any, used: Any, more: Any, more_of_the_other: Any) -> Any:
    """A budget, 0 for no limit: so much more than was used. If only more of the other was wished for, a budget that is
    used up no longer counts."""
    if more:
        return used + more
    return 0 if more_of_the_other and used >= limit else limit
