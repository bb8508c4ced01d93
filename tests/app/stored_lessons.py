"""Attempts at lessons as they are stored after real work, made in milliseconds."""

from __future__ import annotations

import sqlalchemy as sa

from musicgen.lessons.attempts import get_attempt, start_attempt
from musicgen.lessons.finishing import finish
from musicgen.runs import api
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, PREPARED
from musicgen.runs.following import _key
from musicgen.runs.history import append_row
from musicgen.storage import database
from musicgen.storage.files import write_json
from tests.app.stored_work import add_output, nobody_works, tune

LOSSES = (8.5, 5.0, 3.25)


def work_done(attempt_id: str, losses: list[float]) -> None:
    """Store the runs and pieces of an attempt as if they had been at work."""
    attempt = get_attempt(attempt_id)
    done = {
        "state": "succeeded",
        "started_at": database.now() - 20,
        "finished_at": database.now(),
        "work_seconds": 20.0,
    }
    for known in attempt.lesson.runs:
        run = api.get_run(str(attempt.run_id(known.name)))
        database.change(sa.update(database.tasks).where(database.tasks.c.run_id == run.id).values(**done))
        floors = {"uniform": 10.4, "unigram": 7.5, "bigram": 6.0}
        write_json(
            run.folder / PREPARED, {"facts": {}, "floors": floors, "warnings": [], "networks": 1, "parameters": 9}
        )
        for epoch, loss in enumerate(losses, 1):
            row = {"epoch": epoch, "loss": loss, "val_loss": loss, "seconds": 1.0, "learning_rate": 0.001}
            append_row(run.folder / HISTORY, row)
            Checkpoints(run.folder / CHECKPOINTS).publish(epoch, {"score": loss, "row": row}, {}, lambda path: None)
        for number, pieces in enumerate(known.pieces):
            task_id = database.new_id("task")
            task = {"id": task_id, "kind": "generate", "run_id": run.id, "device": "cpu", "request": {}}
            task |= {"submit_key": _key(run.id, number), "created_at": database.now(), **done}
            database.change(sa.insert(database.tasks).values(**task))
            output = add_output(
                run.id, tune(seed=number + 5), name=pieces.title, verdicts=[], metrics={"loop_share": 0.1}
            )
            change = sa.update(database.outputs).where(database.outputs.c.id == output)
            database.change(change.values(task_id=task_id))


def add_finished_lesson(songs: list[str], *, answer: str = "later", losses: tuple[float, ...] = LOSSES) -> str:
    """A finished attempt at the first lesson; returns its id."""
    with nobody_works():
        attempt_id = start_attempt("floor", answer, songs)
        work_done(attempt_id, list(losses))
        finish(get_attempt(attempt_id))
    return attempt_id
