"""The piece by which a trial is judged: one as the preset makes it, with the same seed for every trial. A shorter one,
as a time-lapse has, may last four seconds: too little to judge by."""

from __future__ import annotations

from musicgen.errors import InvalidInput, MusicgenError, NotFound, WrongState
from musicgen.runs import api, liveness
from musicgen.runs.records import Run
from musicgen.search.records import Study, Trial

TRIES = 3  # if its process is killed


class NoPiece(MusicgenError):
    """A trial will have no piece; the message says why."""


def trial_piece(study: Study, trial: Trial, run: Run) -> str | None:
    """Order the piece, once; its output's id, or None while it is being made. Raises NoPiece.

    Safe to repeat: the key of the order is made of the trial."""
    reason = ""
    for number in range(TRIES):
        try:
            task_id = api.submit_generation(
                run.id, seed=int(study.request["seed"]), submit_key=f"piece-{trial.id}-{number}"
            )
            task = api.get_task(task_id)
        except (InvalidInput, WrongState, NotFound) as error:
            raise NoPiece(str(error)) from error
        if task.is_active:
            return None
        if made := api.list_outputs(task_id=task_id, limit=1):
            return made[0].id
        reason = task.reason
        if not liveness.was_killed(reason):
            break
    raise NoPiece(f"It made no piece. {reason}".strip())
