"""The server's side of the process that makes plans: starts it, asks it, gives it up. Light.

It only ever saves time: where it is busy, odd or gone, `ask` returns None, and the plan is made in a process of its
own, in the usual way.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from musicgen.errors import MusicgenError, ResourceUnavailable
from musicgen.machine import free_memory_bytes
from musicgen.processes import Child, child_environment
from musicgen.runs.program_stamp import program_stamp
from musicgen.settings import settings

MODULE = "musicgen.runs.planner_process"
MB = 1 << 20
BUSY_SECONDS = 1.0  # how long a plan waits for the one before it
SECONDS_AFTER_DEATH = 30.0  # without a planner, after one could not be started or died

log = logging.getLogger(__name__)


class Planner:
    """At most one process. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._made_for: object = None
        self._none_before = -1e9
        self._asking = threading.Lock()

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None and child.is_alive else None

    def ask(
        self,
        request: Mapping[str, Any],
        environment: Mapping[str, str | None],
        seconds: float,
        on_line: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any] | None:
        """The answer of `planning.plan`, or None if the plan must be made elsewhere.

        Raises MusicgenError if the training is impossible, or with the code `timeout`; ChildError."""
        if not self._asking.acquire(timeout=BUSY_SECONDS):
            return None
        try:
            child = self._ready(environment)
            if child is None:
                return None
            child.ask(request)
            return dict(child.answer(seconds, lambda line: None if "ready" in line or not on_line else on_line(line)))
        except (ResourceUnavailable, OSError) as error:  # it ended, was killed, has no memory, or takes too long
            log.info("the planner is given up: %s", error)
            self._give_up()
            if isinstance(error, ResourceUnavailable) and error.code == "timeout":
                raise
            return None
        finally:
            self._asking.release()

    def start(self, environment: Mapping[str, str | None]) -> None:
        """Start it ahead, if there is none."""
        if self._asking.acquire(blocking=False):
            try:
                self._ready(environment)
            finally:
                self._asking.release()

    def close(self) -> None:
        """End it."""
        with self._asking:
            self._end()

    def _ready(self, environment: Mapping[str, str | None]) -> Child | None:
        """A process with this environment that runs this version; None if there may be none."""
        is_allowed = os.name == "posix" and settings().warm_minutes > 0
        if self._child is None and not is_allowed:
            return None
        wanted = program_stamp(), child_environment(environment)
        if self._child is not None and (not is_allowed or self._made_for != wanted or not self._child.is_alive):
            self._end()
        if self._child is None:
            free = free_memory_bytes()
            is_short = free is None or free < settings().warm_free_mb * MB
            if not is_allowed or is_short or time.monotonic() < self._none_before:
                return None
            try:
                self._child, self._made_for = Child(MODULE, None, environment=environment), wanted
            except (MusicgenError, OSError) as error:
                log.warning("no planner: %s", error)
                self._none_before = time.monotonic() + SECONDS_AFTER_DEATH
        return self._child

    def _give_up(self) -> None:
        self._none_before = time.monotonic() + SECONDS_AFTER_DEATH
        self._end()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.close()
            self._child = None


PLANNER = Planner()
