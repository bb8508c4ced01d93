"""Whether the worker of a task lives, and what happens to the task if it does not.

The worker's lock decides: a process that can take it knows that no worker is left, and holds it while it updates the
record. The supervisor does this, or any reader if the supervisor is gone.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.errors import DamagedFile
from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.drafts import remove_drafts
from musicgen.runs.folders import CHECKPOINTS, CONSOLE, LOG, PROGRESS, WORKER, WORKER_LOCK, run_folder, task_folder
from musicgen.runs.identity import boot_id
from musicgen.runs.locks import held_elsewhere_or_taken, is_held
from musicgen.runs.memory import out_of_memory_kills
from musicgen.runs.progress import elapsed_seconds
from musicgen.runs.runlog import RunLog, tail
from musicgen.storage.files import read_json

MAX_RESTARTS = 3  # a task that was running at this many restarts of the machine may be the cause
MAX_STAND_INS = 30  # as many processes that stood for a task on the cluster may be lost
CONSOLE_LINES = 30
PROCESS = "The process"  # begins each reason that is not in the work itself


def has_worker(task: Mapping[str, Any]) -> bool:
    """A lock that is a folder counts as free."""
    try:
        return is_held(task_folder(task["kind"], task["run_id"], task["id"]) / WORKER_LOCK)
    except DamagedFile:
        return False


def known_worker(task: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker wrote about itself; {} if nothing yet."""
    try:
        found = read_json(task_folder(task["kind"], task["run_id"], task["id"]) / WORKER, {})
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return found if isinstance(found.get("oom_kills"), (int, type(None))) else {**found, "oom_kills": None}


def settle(task: Mapping[str, Any], exit_code: int | None = None, verdict: str = "") -> bool:
    """If the worker of a running task is gone, change the task's state accordingly. True if it was changed.

    Args:
        task: a row in state starting or running.
        exit_code: seen by the worker's parent (negative: the signal); None if unknown.
        verdict: why the supervisor ended the worker, if it did.
    """
    folder = task_folder(task["kind"], task["run_id"], task["id"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _settle(task, folder, exit_code, verdict)
    except DamagedFile as error:  # the lock is a folder: a worker that lives after all finds its fence revoked
        seconds = elapsed_seconds(folder / PROGRESS)
        return states.finish(task["id"], task["fence"], states.FAILED, str(error), _advice(task), seconds=seconds)


def _settle(task: Mapping[str, Any], folder: Path, exit_code: int | None, verdict: str) -> bool:
    with held_elsewhere_or_taken(folder / WORKER_LOCK) as is_ours:
        if not is_ours:
            return False
        current = states.read_task(task["id"])
        if current is None or current["state"] not in states.WITH_WORKER or current["fence"] != task["fence"]:
            return False
        remove_drafts(folder)
        return _move_on(current, exit_code, verdict)


def _move_on(task: dict[str, Any], exit_code: int | None, verdict: str) -> bool:
    known = known_worker(task)
    folder = task_folder(task["kind"], task["run_id"], task["id"])
    log, seconds = RunLog(folder / LOG), elapsed_seconds(folder / PROGRESS)
    if task["wish"] == states.CANCEL:
        log.line("Cancelled.")
        return states.finish(task["id"], task["fence"], states.CANCELLED, seconds=seconds)
    restarts = task["request"].get("restarts", 0)
    restarts = restarts if isinstance(restarts, int) else MAX_RESTARTS
    if task["device"] == CLUSTER and not verdict and restarts < MAX_STAND_INS:
        log.line("The process here that follows it was gone. It goes on; the cluster did not notice.")
        return states.put_back(task["id"], task["fence"], {**task["request"], "restarts": restarts + 1})
    if known.get("boot", "") != boot_id() and task["state"] == states.RUNNING and restarts < MAX_RESTARTS:
        log.line("The machine restarted. The task is in the queue again and will go on.")
        return states.put_back(task["id"], task["fence"], {**task["request"], "restarts": restarts + 1})
    reason = verdict or _reason(exit_code, known)
    printed = tail(log.path.with_name(CONSOLE), CONSOLE_LINES)
    log.line("\n".join([f"Failed. {reason}", *(["Its last output:", *printed] if printed else [])]))
    return states.finish(task["id"], task["fence"], states.FAILED, reason, _advice(task), seconds=seconds)


def _reason(exit_code: int | None, known: Mapping[str, Any]) -> str:
    before, after = known.get("oom_kills"), out_of_memory_kills()
    if before is not None and after is not None and after > before:
        return f"{PROCESS} was killed by the system because memory ran out."
    if exit_code is not None and exit_code < 0:
        number = -exit_code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if name == "SIGKILL":
            return f"{PROCESS} was killed (SIGKILL), by hand or by the system because memory ran out."
        return f"{PROCESS} crashed ({name}). Its last output is in the log."
    if exit_code is not None:
        return f"{PROCESS} ended without a result (exit status {exit_code}). Its last output is in the log."
    return f"{PROCESS} is gone: it was killed or crashed while no supervisor was running."


def was_killed(reason: str) -> bool:
    """Whether a task failed because its process ended, by its reason in the record, and not because of its work."""
    return reason.startswith(PROCESS)


def _advice(task: Mapping[str, Any]) -> str:
    if task["kind"] != "train":
        return "Start it again. What was made so far is kept."
    complete = [each.epoch for each in Checkpoints(run_folder(task["run_id"]) / CHECKPOINTS).all() if each.is_complete]
    if not complete:
        return "No epoch was finished, so resuming starts from the beginning."
    return f"The weights of epoch {max(complete)} are kept. Resuming continues from there."
