"""Pieces that were ordered together with a training: they are generated once, as soon as the training is finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.submissions import PIECES_AFTER, THEN, find_submitted, submit_generation
from musicgen.runs.task_records import get_task


def generate_after(run_id: str, request: Mapping[str, Any]) -> str | None:
    """Put the pieces that this training was ordered with into the queue; returns the id of the task for `pieces_after`.

    The worker of the training calls this before it records that it is done. If it dies in between, the next one calls
    it again: the key makes sure that there is one task.

    Raises:
        InvalidParameter, NotFound, WrongState: with a sentence.
    """
    device = str(request.get("device", "auto"))
    device = "auto" if device == CLUSTER else device  # pieces are made here, where one can listen to them
    for number, order in enumerate(request.get(THEN) or ()):
        submit_generation(
            run_id, order["generation"], count=order["count"], seed=order["seed"], checkpoint=order["checkpoint"],
            device=device, submit_key=_key(run_id, number),
        )  # fmt: skip
    count = int(request.get(PIECES_AFTER) or 0)
    if not count:
        return None
    return submit_generation(run_id, count=count, seed=int(request["seed"]), device=device, submit_key=_key(run_id))


def task_after(run_id: str, number: int | None = None) -> Any:
    """The task (a `Task`) that generates the pieces of this training; None if it was not submitted.

    `number`: the one of `then` in the request of the run, from 0; None: that of `pieces_after`."""
    found = find_submitted(_key(run_id, number))
    return None if found is None else get_task(str(found["id"]))


def _key(run_id: str, number: int | None = None) -> str:
    return f"after {run_id}" if number is None else f"after {run_id} {number}"
