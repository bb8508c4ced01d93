"""The worker: one process, one task. `python -m musicgen.runs.worker TASK_ID FENCE`

It first takes the task's lock and holds it to its end: a process that can take that lock knows that the worker is gone.
Everything it writes to the record carries its fence. Exit codes: 0 done, 1 the user can fix it, 70 our bug, 75 stopped
and can be resumed, 76 superseded.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import Cancelled, MusicgenError, ResourceUnavailable, TrainingFailed, WrongState, sentence
from musicgen.faults import in_words, is_storage_fault
from musicgen.machine import give_way
from musicgen.networks.out_of_memory import is_out_of_memory
from musicgen.runs import states
from musicgen.runs.compiled_programs import keep_programs
from musicgen.runs.control import EXIT_SUPERSEDED, Control, Paused, Stopped
from musicgen.runs.damage import check_request
from musicgen.runs.family import end_with_parent
from musicgen.runs.folders import LOG, PROGRESS, WORKER, WORKER_LOCK, task_folder
from musicgen.runs.identity import identity
from musicgen.runs.locks import FileLock
from musicgen.runs.progress import ProgressFile, elapsed_seconds
from musicgen.runs.runlog import RunLog
from musicgen.settings import settings
from musicgen.storage import database
from musicgen.storage.database import runs
from musicgen.storage.files import write_json
from musicgen.storage.reserve import keep_room_if_there_is

LOCK_PATIENCE = 15.0
RECORD_TRIES = 20

EXIT_DONE, EXIT_FIXABLE, EXIT_BUG, EXIT_RESUMABLE = 0, 1, 70, 75
MEMORY_ADVICE = "Use a smaller batch_size, fewer units or less music."
RESUME_ADVICE = "The run is paused. Resuming continues from the saved weights."
AGAIN_ADVICE = "Then start it again. What was made so far is kept."


@dataclass(frozen=True)
class Outcome:
    """How a task ends, for the record. `seconds`: of work, including earlier periods."""

    state: str
    reason: str = ""
    advice: str = ""
    exit_code: int = EXIT_DONE
    seconds: float | None = None


Work = Callable[[dict[str, Any], Path, Control], Outcome]


def main(task_id: str, fence: str, *, work: Work | None = None) -> int:
    """Do the task; returns the exit code. `work`: in place of doing it in this process."""
    task = states.read_task(database.check_id("task", task_id))
    if task is None or task["fence"] != fence:
        return EXIT_SUPERSEDED
    folder = task_folder(task["kind"], task["run_id"], task_id)
    lock = FileLock(folder / WORKER_LOCK)
    control = Control(task_id, fence, max_seconds=settings().max_run_hours * 3600)
    control.listen()
    try:
        begins = _begin(folder, lock, task_id, fence)
    except (MusicgenError, OSError) as error:  # no room for the first small files, a lock that is a folder
        outcome = judge(error, task["kind"])
        return outcome.exit_code if _record(task_id, fence, outcome) else EXIT_SUPERSEDED
    if not begins:
        return EXIT_SUPERSEDED
    with lock:
        outcome = (work or _work)(task, folder, control)
        is_recorded = _record(task_id, fence, outcome)
    return outcome.exit_code if is_recorded else EXIT_SUPERSEDED


def _begin(folder: Path, lock: FileLock, task_id: str, fence: str) -> bool:
    """Take the lock and update the record; False if another process works on the task."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not lock.take(patience=LOCK_PATIENCE):
        return False
    keep_room_if_there_is()
    write_json(folder / WORKER, identity())
    return states.begin(task_id, fence, os.getpid())


def _work(task: dict[str, Any], folder: Path, control: Control) -> Outcome:
    from musicgen.runs.jobs import Job

    run = database.one(sa.select(runs).where(runs.c.id == task["run_id"]))
    elapsed = max(elapsed_seconds(folder / PROGRESS) or 0.0, task["work_seconds"] or 0.0)
    progress = ProgressFile(folder / PROGRESS, device=task["device"], elapsed_seconds=elapsed)
    progress.write(phase="starting")
    log = RunLog(folder / LOG)
    log.line(f"Started, process {os.getpid()}")
    try:
        if run is None:
            raise WrongState(sentence("A task needs its run", "a run that was deleted"))
        check_request("train", run["request"], run["id"])
        if task["kind"] == "generate":
            check_request("generate", task["request"], task["id"])
        _run_task(Job(task, run, folder, control, progress, log))
        outcome = Outcome(states.SUCCEEDED)
    # A process boundary: any error in approaches and libraries becomes a state that a person can read.
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        outcome = judge(error, task["kind"])
        if outcome.exit_code == EXIT_BUG:
            log.line(traceback.format_exc())
    keep_programs()
    progress.write(seconds_left=None)
    log.line(" ".join(part for part in (outcome.state.capitalize() + ".", outcome.reason, outcome.advice) if part))
    return replace(outcome, seconds=progress.elapsed())


def _run_task(job: Any) -> None:
    if job.task["kind"] == "train":
        from musicgen.runs.training import train

        train(job)
    else:
        from musicgen.runs.generation import generate

        generate(job)


def judge(error: BaseException, kind: str) -> Outcome:
    """The outcome of a task for the exception that ended it."""
    if isinstance(error, Paused):
        return Outcome(states.PAUSED, str(error), exit_code=EXIT_RESUMABLE)
    if isinstance(error, Stopped):
        state = states.PAUSED if kind == "train" else states.FAILED
        return Outcome(state, str(error), exit_code=EXIT_RESUMABLE)
    if isinstance(error, Cancelled):
        return Outcome(states.CANCELLED)
    told = in_words(error)
    if told is not None and is_storage_fault(error):
        if kind == "train":
            return Outcome(states.PAUSED, str(told), RESUME_ADVICE, EXIT_RESUMABLE)
        return Outcome(states.FAILED, str(told), AGAIN_ADVICE, EXIT_RESUMABLE)
    if isinstance(error, TrainingFailed):
        return Outcome(states.FAILED, str(error), error.advice, EXIT_FIXABLE)
    if told is not None:
        return Outcome(states.FAILED, str(told), exit_code=EXIT_FIXABLE)
    if is_out_of_memory(error):
        reason = sentence("The work must fit into memory", f"out of memory ({type(error).__name__})")
        return Outcome(states.FAILED, reason, MEMORY_ADVICE, EXIT_FIXABLE)
    reason = f"An error in the program: {type(error).__name__}: {str(error)[:500]}"
    return Outcome(states.FAILED, reason, "The log has the details; please report it.", EXIT_BUG)


def _record(task_id: str, fence: str, outcome: Outcome) -> bool:
    """Write the outcome to the record, with retries: it may be busy, or on a full disk."""
    for attempt in range(RECORD_TRIES):
        try:
            advice = outcome.advice or _advice(task_id)
            return states.finish(
                task_id, fence, outcome.state, outcome.reason, advice, seconds=outcome.seconds
            )  # fmt: skip
        except ResourceUnavailable:
            if attempt == RECORD_TRIES - 1:
                raise
            time.sleep(0.5)
    return False


def _advice(task_id: str) -> str:
    """Keep notices that were given during the work."""
    task = states.read_task(task_id)
    return str(task["advice"]) if task else ""


if __name__ == "__main__":
    end_with_parent()
    give_way(settings().niceness)
    multiprocessing.set_start_method("spawn")  # a forked child would keep the lock held after our death
    sys.exit(main(*sys.argv[1:3]))
