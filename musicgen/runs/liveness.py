"""Whether the worker of a task lives, and what becomes of the task when it does not.

The truth is the worker's lock: whoever can take it knows that no worker is left, and holds it while saying so in the
record. Done by the supervisor, and by any reader where the supervisor is gone.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.errors import DamagedFile
from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.drafts import remove_drafts
from musicgen.runs.folders import CHECKPOINTS, CONSOLE, LOG, PROGRESS, WORKER, WORKER_LOCK, run_folder, task_folder
from musicgen.runs.identity import boot_id
from musicgen.runs.locks import held_elsewhere_or_taken, is_held
from musicgen.runs.memory import out_of_memory_kills
from musicgen.runs.progress import elapsed_seconds
from musicgen.runs.runlog import RunLog, tail
from musicgen.storage.files import read_json

MAX_RESTARTS = 3  # a task that was running at so many restarts of the machine may be what brings it down
CONSOLE_LINES = 30


def has_worker(task: Mapping[str, Any]) -> bool:
    """Nobody holds a lock that is a folder now."""
    try:
        return is_held(task_folder(task["kind"], task["run_id"], task["id"]) / WORKER_LOCK)
    except DamagedFile:
        return False


def known_worker(task: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker wrote about itself; {} where it has not yet."""
    try:
        found = read_json(task_folder(task["kind"], task["run_id"], task["id"]) / WORKER, {})
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return found if isinstance(found.get("oom_kills"), (int, type(None))) else {**found, "oom_kills": None}


def settle(task: Mapping[str, Any], exit_code: int | None = None, verdict: str = "") -> bool:
    """Where the worker of a running task is gone, move the task to where it belongs. True if it was moved.

    Args:
        task: a row in state starting or running.
        exit_code: what the worker's parent saw (negative: the signal); None where nobody did.
        verdict: why the supervisor itself ended the worker, if it did.
    """
    folder = task_folder(task["kind"], task["run_id"], task["id"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _settle(task, folder, exit_code, verdict)
    except DamagedFile as error:  # the lock is a folder: should a worker live after all, it finds its fence taken back
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
    if known.get("boot", "") != boot_id() and task["state"] == states.RUNNING and restarts < MAX_RESTARTS:
        log.line("The machine restarted; the task waits in the queue to go on.")
        return states.put_back(task["id"], task["fence"], {**task["request"], "restarts": restarts + 1})
    reason = verdict or _reason(exit_code, known)
    printed = tail(log.path.with_name(CONSOLE), CONSOLE_LINES)
    log.line("\n".join([f"Failed. {reason}", *(["It printed last:", *printed] if printed else [])]))
    return states.finish(task["id"], task["fence"], states.FAILED, reason, _advice(task), seconds=seconds)


def _reason(exit_code: int | None, known: Mapping[str, Any]) -> str:
    before, after = known.get("oom_kills"), out_of_memory_kills()
    if before is not None and after is not None and after > before:
        return "The process was killed by the system because memory ran out."
    if exit_code is not None and exit_code < 0:
        number = -exit_code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if name == "SIGKILL":
            return "The process was killed (SIGKILL): by hand, or by the system for lack of memory."
        return f"The process crashed ({name}); the log has its last lines."
    if exit_code is not None:
        return f"The process ended without a word (exit status {exit_code}); the log has its last lines."
    return "The process is gone: it was killed or it crashed while nobody watched."


def _advice(task: Mapping[str, Any]) -> str:
    if task["kind"] != "train":
        return "Start it again; what was made so far is kept."
    complete = [each.epoch for each in Checkpoints(run_folder(task["run_id"]) / CHECKPOINTS).all() if each.is_complete]
    if not complete:
        return "No epoch had ended; resume begins again."
    return f"The weights of epoch {max(complete)} are kept; resume goes on from there."
