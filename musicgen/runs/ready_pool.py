"""The processes that the supervisor keeps ready, so that a task does not wait for the network library.

At most one spare, which takes any task, and one warm worker, which takes further generations of its run; besides
those that have a task. A spare rehearses the training that a form is filled in for. They only ever save time: where
anything is odd, `hand_over` returns None, and the task gets a worker of its own in the usual way. Kept while somebody
works here, and while there is memory.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.errors import MusicgenError
from musicgen.machine import free_memory_bytes
from musicgen.runs.devices import CPU, pick_device
from musicgen.runs.expecting import expected_training, training_name
from musicgen.runs.folders import CONSOLE, expected_file, ready_file
from musicgen.runs.launching import start_spare, worker_environment
from musicgen.runs.program_stamp import program_stamp
from musicgen.runs.ready_process import LOADING_SECONDS, ReadyProcess
from musicgen.runs.warm_protocol import OddMessage
from musicgen.settings import settings
from musicgen.storage.files import write_json

MB = 1 << 20
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_AFTER_START = 3.0  # a task that has just begun loads its own things first
SETTLED_SECONDS = 1.5  # what somebody chooses on a form stays the same for so long before it is rehearsed
MAX_REHEARSALS = 6  # of one process: compiled programs are never freed
SECONDS_AFTER_DEATH = 30.0  # doubled with each spare that died before it had a task

log = logging.getLogger("musicgen.supervisor")


class ReadyPool:
    """`tend` it in every round."""

    def __init__(self) -> None:
        self.processes: list[ReadyProcess] = []
        self.device = ""  # of the last task
        self._asked_at = time.monotonic()  # when somebody last ordered work, or was about to
        self._begun_at = self._looked_at = -1e9
        self._no_spare_before, self._deaths = -1e9, 0
        self._expected: float | None = None
        self._told: list[dict[str, Any]] = []

    def tend(self, *, is_busy: bool = False) -> bool:
        """Start what is missing, end what is not wanted any more. False if there is none. `is_busy`: there is work, so
        that nothing is rehearsed."""
        if os.name != "posix":
            return False
        self._look_for_expectation()
        self.listen()
        clock = time.monotonic()
        if clock - self._looked_at >= SECONDS_BETWEEN_LOOKS:
            self._looked_at = clock
            self._give_up_unwanted(clock)
            self._start_spare(clock)
            if not is_busy:
                self._let_rehearse()
            self._tell()
        return bool(self.processes)

    def descriptors(self) -> list[int]:
        """Of the pipes on which they report."""
        return [each.descriptor for each in self.processes if each.descriptor is not None]

    def hand_over(self, task: Mapping[str, Any], fence: str, folder: Path, device: str) -> ReadyProcess | None:
        """A process that now has this task; None if there is none that could take it. Never raises."""
        self.device, self._asked_at, self._begun_at = device, time.monotonic(), time.monotonic()
        if not self.processes:
            return None
        # A boundary: a process that is kept ready must never be the reason why a task cannot start.
        try:
            self.listen()
            chosen = self._fitting(task, device)
            if chosen is not None:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._give(chosen, task, fence, folder)
            return chosen
        except Exception:
            log.exception("%s: not handed over", task["id"])
            return None

    def _give(self, chosen: ReadyProcess, task: Mapping[str, Any], fence: str, folder: Path) -> None:
        try:
            chosen.give(task, fence, folder / CONSOLE)
        except Exception:
            self._died()
            self._drop(chosen)  # so that it cannot do the task after all
            raise

    def has_finished(self, process: ReadyProcess | None, task_id: str) -> bool:
        """Whether this process has finished this task and waits for another."""
        return process is not None and process in self.processes and process.task_id != task_id

    def failed(self, process: ReadyProcess) -> None:
        """It was handed a task and did not begin it."""
        log.warning("process %s took a task and did not begin it", process.process.pid)
        self._died()
        self._drop(process)

    def close(self) -> None:
        """End those that wait; those that work go on."""
        for each in list(self.processes):
            if each.waits:
                self._drop(each)
            else:
                each.let_go()
        self.processes.clear()
        with suppress(OSError):
            ready_file().unlink(missing_ok=True)

    def _fitting(self, task: Mapping[str, Any], device: str) -> ReadyProcess | None:
        waiting = [each for each in self.processes if each.waits]
        if not waiting:
            return None
        stamp, environment = program_stamp(), worker_environment(device)
        for each in waiting:
            if each.stamp != stamp:
                log.info("the program has changed")
                self._drop(each)
        fitting = [each for each in self.processes if each.waits and each.environment == environment]
        warm = [each for each in fitting if task["kind"] == "generate" and each.run_id == task["run_id"]]
        spare = [each for each in fitting if not each.run_id and not (each.rehearses and self._is_other(each, task))]
        return next(iter([*warm, *spare]), None)

    def _is_other(self, spare: ReadyProcess, task: Mapping[str, Any]) -> bool:
        """Whether a spare rehearses something else than this task, as far as is known without its request."""
        expected = expected_training() if task["kind"] == "train" else None
        return expected is None or training_name(expected[0]) != spare.rehearsed[-1]

    def _look_for_expectation(self) -> None:
        try:
            expected = expected_file().stat().st_mtime
        except OSError:
            return
        is_news = expected != self._expected if self._expected is not None else _is_recent(expected)
        self._expected = expected
        if is_news:
            self._asked_at = time.monotonic()

    def listen(self) -> None:
        """Take note of what the processes report."""
        for each in list(self.processes):
            was_waiting, had_loaded = each.waits, each.has_loaded
            try:
                each.listen()
            except (OddMessage, OSError) as error:
                log.warning("odd: %s", error)
                if each.waits:
                    self._drop(each)
                else:
                    self._forget(each)  # the supervisor watches it as it does any worker
                continue
            if each.has_loaded and not had_loaded:
                self._deaths = 0
            if not each.is_alive:
                if was_waiting and not each.run_id:
                    self._died()
                self._forget(each)
            elif each.waits and not was_waiting:
                self._asked_at = time.monotonic()
                self._keep_only(each)

    def _keep_only(self, warm: ReadyProcess) -> None:
        """One warm worker at most: the last one."""
        for each in list(self.processes):
            if each is not warm and each.waits and each.run_id:
                self._drop(each)

    def _give_up_unwanted(self, clock: float) -> None:
        limit = settings().warm_minutes * 60
        is_idle = clock - self._asked_at >= limit
        free = free_memory_bytes()
        is_short = free is not None and free < settings().warm_free_mb * MB / 2
        for each in [each for each in self.processes if each.waits]:
            is_old = clock - each.since >= limit if each.run_id else False
            is_stuck = not each.has_loaded and clock - each.since > LOADING_SECONDS
            if is_idle or is_short or is_old or is_stuck:
                log.info("process %s is given up%s", each.process.pid, ": memory is short" if is_short else "")
                self._drop(each)
                if is_stuck:
                    self._died()

    def _start_spare(self, clock: float) -> None:
        if clock - self._asked_at >= settings().warm_minutes * 60 or clock < self._no_spare_before:
            return
        if clock - self._begun_at < SECONDS_AFTER_START or any(not each.run_id for each in self.processes):
            return
        free = free_memory_bytes()
        if free is None or free < settings().warm_free_mb * MB:
            return
        try:
            device = self.device or pick_device(settings().device, ())
            if device is None:
                return
            environment, stamp = worker_environment(device), program_stamp()
            self.processes.append(ReadyProcess(start_spare(device, environment), environment, stamp, device))
        except (MusicgenError, OSError) as error:
            log.warning("no spare: %s", error)
            self._died()

    def _let_rehearse(self) -> None:
        """While there is nothing else to do, let a spare rehearse the training that somebody is about to order, once it
        has stayed the same for a moment."""
        waiting = [each for each in self.processes if each.waits and each.has_loaded and not each.run_id]
        spare = next((each for each in waiting if not each.rehearses and len(each.rehearsed) < MAX_REHEARSALS), None)
        if spare is None or spare.device != CPU or (expected := expected_training()) is None:
            return
        request, age = expected
        name = training_name(request)
        if name in spare.rehearsed or not SETTLED_SECONDS <= age < settings().warm_minutes * 60:
            return
        try:
            spare.rehearse(name)
        except OSError as error:
            log.warning("process %s cannot rehearse: %s", spare.process.pid, error)
            self._died()
            self._drop(spare)

    def _died(self) -> None:
        self._no_spare_before = time.monotonic() + SECONDS_AFTER_DEATH * 2**self._deaths
        self._deaths = min(self._deaths + 1, 10)

    def _drop(self, each: ReadyProcess) -> None:
        each.end()
        self._forget(each)

    def _forget(self, each: ReadyProcess) -> None:
        each.let_go()
        if each in self.processes:
            self.processes.remove(each)

    def _tell(self) -> None:
        told = [each.to_json() for each in self.processes]
        if told == self._told:
            return
        self._told = told
        with suppress(OSError):
            write_json(ready_file(), told, survives_power_cut=False)


def _is_recent(moment: float) -> bool:
    return abs(time.time() - moment) < settings().warm_minutes * 60
