"""The end of an attempt: its work is stopped, or what came out is measured and kept, or all of it is forgotten."""

from __future__ import annotations

import sqlalchemy as sa

from musicgen.errors import WrongState, sentence
from musicgen.lessons.attempts import Attempt, get_attempt
from musicgen.lessons.following import attempt_work
from musicgen.lessons.measuring import measured
from musicgen.runs import api
from musicgen.storage import database
from musicgen.storage.database import attempts


def stop(attempt_id: str) -> None:
    """Cancel all work of the attempt that is not done. What was made is kept."""
    for part in attempt_work(get_attempt(attempt_id)).parts:
        if part.is_active and part.work_id:
            api.cancel(part.work_id)


def finish(attempt: Attempt) -> Attempt:
    """Measure what came out and keep it. Does nothing if that was done before.

    Raises WrongState while its runs are at work, or if one of them ended early."""
    if attempt.is_finished:
        return attempt
    work = attempt_work(attempt)
    if not work.is_done:
        rule = "A lesson is measured when all its runs and pieces are done"
        raise WrongState(sentence(rule, f"one that {work.words}"))
    result = {"values": measured(attempt), "seconds": round(work.seconds_used, 1), "finished_at": database.now()}
    with database.engine().begin() as connection:  # two tabs may do this at once: the first one counts
        kept = connection.execute(sa.select(attempts.c.result).where(attempts.c.id == attempt.id)).scalar()
        if not kept:
            connection.execute(sa.update(attempts).where(attempts.c.id == attempt.id).values(result=result))
    return get_attempt(attempt.id)


def delete_attempt(attempt_id: str) -> None:
    """Forget an attempt. Its runs and pieces are kept. Raises NotFound, WrongState while its runs are at work."""
    attempt = get_attempt(attempt_id)
    if not attempt.is_finished and attempt_work(attempt).is_active:
        raise WrongState(sentence("Only a lesson at rest can be forgotten", "one whose runs are at work", "Stop it."))
    database.change(sa.delete(attempts).where(attempts.c.id == attempt_id))
