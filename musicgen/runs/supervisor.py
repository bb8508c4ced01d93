"""The supervisor: starts the worker of each task when its device is free, and notices when a worker has ended.

`python -m musicgen.runs.supervisor [--idle-seconds N]`: one per storage folder (ensured by a lock). Started when work
is submitted, or found without a supervisor; ends after a minute without work. It holds no state: if it is killed, the
next one reads the record and the locks and goes on. Knows no approaches and no framework.
"""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from musicgen.errors import MusicgenError, sentence
from musicgen.faults import in_words, is_storage_fault
from musicgen.runs import housekeeping, identity, liveness, states
from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.executors import ClusterExecutor, Executor, LocalExecutor, Slot
from musicgen.runs.folders import PROGRESS, supervisor_lock, task_folder
from musicgen.runs.launching import ensure_searcher
from musicgen.runs.locks import FileLock
from musicgen.runs.progress import read_progress
from musicgen.runs.ready_pool import ReadyPool
from musicgen.runs.ready_process import ReadyProcess
from musicgen.runs.rounds import in_rounds
from musicgen.runs.waking import Alarm
from musicgen.settings import settings

POLL_SECONDS = 0.2
IDLE_SECONDS = 60.0
LOCK_PATIENCE = 3.0
EXIT_PATIENCE = 0.5
KILL_AFTER = 20.0  # seconds between asking a worker to end and killing it
# A generation has nothing to save: finished pieces are published, the rest is lost. Compilation ignores signals.
KILL_GENERATION_AFTER = 0.5
ORPHAN_PATIENCE = 30.0  # how long a worker whose supervisor died right after starting it may take to report
STALLED_SECONDS = 300.0
STALLED_STEPS = 10  # or this many times its usual step, if that is longer
HUNG_STEPS = 100

log = logging.getLogger("musicgen.supervisor")


@dataclass
class Watched:
    """What this supervisor knows about one task with a worker, on its own steady clock."""

    task: dict[str, Any]
    since: float
    process: subprocess.Popen[bytes] | None = None  # None: another supervisor started it
    ready: ReadyProcess | None = None  # if that process was kept ready for it
    asked_at: float | None = None
    sequence: int = -1
    moved_at: float = 0.0
    is_stalled: bool = False
    verdict: str = ""  # why the supervisor ended it, if it did
    left_at: float = 0.0  # when it was first seen at rest in the record

    @property
    def slot(self) -> Slot:
        """What it takes up."""
        return self.task["device"], self.task["kind"]

    def worker(self) -> dict[str, Any]:
        """Identity of the worker, as far as known."""
        if self.process is not None:
            return {"pid": self.process.pid, "started": identity.started(self.process.pid)}
        return liveness.known_worker(self.task)


class Supervisor:
    """Each `round` checks every active task once."""

    def __init__(self) -> None:
        self.watched: dict[str, Watched] = {}
        self.pool = ReadyPool()
        self.local, self.cluster = LocalExecutor(self.pool), ClusterExecutor()

    def executor(self, task: dict[str, Any]) -> Executor:
        return self.cluster if task["device"] == CLUSTER else self.local

    def round(self) -> bool:
        """False if there is nothing to watch, to start or to keep ready."""
        self.pool.listen()
        at_work, waiting = states.tasks_at_work(), states.next_waiting()
        for task in at_work:
            self._watch(task)
        self._forget({task["id"] for task in at_work})
        self._start_waiting(waiting)
        is_busy = bool(at_work or waiting or self.watched)
        return self.pool.tend(is_busy=is_busy) or is_busy

    def _watch(self, task: dict[str, Any]) -> None:
        clock = time.monotonic()
        seen = self.watched.get(task["id"])
        if seen is None or seen.task["fence"] != task["fence"]:
            seen = self.watched[task["id"]] = Watched(task, clock, moved_at=clock)
        seen.task = task
        exit_code = seen.process.poll() if seen.process is not None else None
        if self._start_over(seen, exit_code, clock):
            return
        if exit_code is None and task["state"] == states.RUNNING and not liveness.has_worker(task):
            self._settle(seen, _dying(seen.process))
        elif exit_code is not None:
            self._settle(seen, exit_code)
        elif seen.process is None and task["state"] == states.STARTING:
            self._wait_for_orphan(seen, clock)
        else:
            self._look_for_hang(seen, clock)
            self._end_if_unwanted(seen, clock)

    def _start_over(self, seen: Watched, exit_code: int | None, clock: float) -> bool:
        """A task whose process was kept ready and then died or hung before it began: the queue gives it a new one."""
        ready, task = seen.ready, seen.task
        if ready is None or task["state"] != states.STARTING or task["wish"] == states.CANCEL:
            return False
        if exit_code is None and clock - seen.since < ready.seconds_to_begin():
            return False
        self.pool.failed(ready)
        return states.put_back(task["id"], task["fence"], task["request"])

    def _settle(self, seen: Watched, exit_code: int | None) -> None:
        task = seen.task
        if liveness.settle(task, exit_code, seen.verdict):
            log.info("%s: its worker is gone (exit status %s)", task["id"], exit_code)
        elif exit_code is not None and task["state"] == states.STARTING and liveness.has_worker(task):
            # An earlier worker still holds the lock and has not noticed yet that it was superseded.
            states.put_back(task["id"], task["fence"], task["request"])

    def _wait_for_orphan(self, seen: Watched, clock: float) -> None:
        """A task that an earlier supervisor claimed: did that one still start the worker?"""
        task = seen.task
        if liveness.has_worker(task):
            return
        if task["wish"] == states.CANCEL:
            states.finish(task["id"], task["fence"], states.CANCELLED)
        elif clock - seen.since > ORPHAN_PATIENCE:
            # If its worker starts after all, it finds its fence revoked and ends.
            states.put_back(task["id"], task["fence"], task["request"])

    def _look_for_hang(self, seen: Watched, clock: float) -> None:
        task = seen.task
        if task["state"] != states.RUNNING:
            return
        progress = read_progress(task_folder(task["kind"], task["run_id"], task["id"]) / PROGRESS)
        if progress.get("sequence", 0) != seen.sequence:
            seen.sequence, seen.moved_at = progress.get("sequence", 0), clock
        step_seconds = progress.get("step_seconds") or 0.0
        still = clock - seen.moved_at
        is_stalled = still > max(STALLED_SECONDS, STALLED_STEPS * step_seconds)
        if is_stalled != seen.is_stalled:
            seen.is_stalled = is_stalled
            remark = f"No progress for {still / 60:.0f} minutes; it may hang. Cancel it, or wait."
            states.remark(task["id"], task["fence"], remark if is_stalled else "")
        if still > max(settings().max_stall_minutes * 60, HUNG_STEPS * step_seconds):
            seen.verdict = f"There was no progress for {still / 60:.0f} minutes, so the process was ended."

    def _end_if_unwanted(self, seen: Watched, clock: float) -> None:
        if seen.task["wish"] != states.CANCEL and not seen.verdict:
            return
        if seen.asked_at is None:
            seen.asked_at = clock
            identity.ask_to_end(seen.worker())
        elif clock - seen.asked_at > (KILL_GENERATION_AFTER if seen.task["kind"] == "generate" else KILL_AFTER):
            identity.end_tree(seen.worker())

    def _forget(self, with_worker: set[str]) -> None:
        for task_id in [known for known in self.watched if known not in with_worker]:
            seen = self.watched[task_id]
            # A worker that has finished its task holds its device until its process ends.
            has_ended = seen.process is None or seen.process.poll() is not None
            seen.left_at = seen.left_at or time.monotonic()
            if self.pool.has_finished(seen.ready, task_id):
                del self.watched[task_id]  # and waits for another task
            elif has_ended and not liveness.has_worker(seen.task):
                del self.watched[task_id]
            elif time.monotonic() - seen.left_at > KILL_AFTER:
                identity.end_tree(seen.worker())

    def _start_waiting(self, waiting: list[dict[str, Any]]) -> None:
        for task in waiting:
            if task["id"] in self.watched:
                continue  # paused and resumed before its worker ended
            try:
                device = self.executor(task).place(task, [seen.slot for seen in self.watched.values()])
            except MusicgenError as error:
                states.refuse(task["id"], str(error))
                continue
            if device is not None:
                self._start(task, device)

    def _start(self, task: dict[str, Any], device: str) -> None:
        fence = states.new_fence()
        if not states.claim(task["id"], fence, device):
            return
        task = {**task, "state": states.STARTING, "fence": fence, "device": device}
        folder = task_folder(task["kind"], task["run_id"], task["id"])
        try:
            started = self.executor(task).start(task, fence, folder, device)
        except OSError as error:  # no memory, no process slots, a full disk
            reason = str(in_words(error) or sentence("A task needs a process of its own", error.strerror or error))
            is_paused = task["kind"] == "train" and is_storage_fault(error)
            state, advice = (states.PAUSED, "Then resume.") if is_paused else (states.FAILED, "Then start it again.")
            states.finish(task["id"], fence, state, reason, advice)
            return
        clock = time.monotonic()
        self.watched[task["id"]] = Watched(task, clock, started.process, started.ready, moved_at=clock)
        how = "given to" if started.ready else "started"
        log.info("%s: %s process %s on %s", task["id"], how, started.process.pid, device)


def _dying(process: subprocess.Popen[bytes] | None) -> int | None:
    """The exit code of a worker whose lock is free: a process releases its locks a moment before it ends."""
    try:
        return None if process is None else process.wait(EXIT_PATIENCE)
    except subprocess.TimeoutExpired:
        return None


def supervise(lock: FileLock, idle_seconds: float) -> None:
    """Run rounds until there was nothing to do for `idle_seconds`, or the storage folder is gone."""
    supervisor = Supervisor()
    is_tidy = False

    def one_round() -> bool:
        nonlocal is_tidy
        is_busy = supervisor.round()
        if states.has_searches():
            ensure_searcher()
        if not is_tidy:
            housekeeping.tidy()
            is_tidy = True
        return is_busy

    alarm = Alarm(lock.path.parent)
    try:
        in_rounds(
            lock, one_round, states.active_tasks, idle_seconds=idle_seconds, poll_seconds=POLL_SECONDS, log=log,
            wait=lambda seconds: alarm.wait(seconds, supervisor.pool.descriptors()),
        )  # fmt: skip
    finally:
        alarm.close()
        supervisor.pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m musicgen.runs.supervisor", description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    idle_seconds = parser.parse_args().idle_seconds
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    lock = FileLock(supervisor_lock())
    if not lock.take(patience=LOCK_PATIENCE):
        return
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    supervise(lock, idle_seconds)


if __name__ == "__main__":
    main()
