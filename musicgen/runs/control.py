"""What others want of this worker: the user's wishes from the record, the system's from signals.

A wish to cancel is obeyed at the next step, a wish to pause at the next safe point (the end of an epoch). SIGTERM and
SIGINT stop at the next step as well; what was learned is kept, and the run can be resumed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from musicgen.errors import Cancelled, ResourceUnavailable
from musicgen.runs import states

SECONDS_BETWEEN_LOOKS = 0.5
EXIT_SUPERSEDED = 76


class Paused(Cancelled):
    """Stopped at a safe point; `str` says why."""


class Stopped(Cancelled):
    """The system asked the process to end."""


class Control:
    """Ask `check` at every step and `check_at_rest` at safe points. After `max_seconds` it asks for a pause itself."""

    def __init__(self, task_id: str, fence: str, *, max_seconds: float) -> None:
        self.task_id = task_id
        self.fence = fence
        self._ends_at = time.monotonic() + max_seconds
        self._max_seconds = max_seconds
        self._looked_at = -1e9
        self._wish = ""
        self._is_stopped = False
        self._raises_at_once = False

    def listen(self) -> None:
        """Take over the signals of this process."""
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._hear)

    def check(self) -> None:
        """Raises Cancelled where the work has to stop now. Cheap: looks at the record twice a second."""
        if self._is_stopped:
            self._look(even_if_recent=True)
            raise self._why_stopped()
        self._look()
        if self._wish == states.CANCEL:
            raise Cancelled("cancelled by the user")

    def wants_rest(self) -> bool:
        """Whether `check_at_rest` is going to raise: then state is saved first."""
        self._look(even_if_recent=True)
        return self._is_stopped or bool(self._wish) or time.monotonic() > self._ends_at

    def check_at_rest(self) -> None:
        """As `check`, and Paused where the user or the time limit wants a pause. Only where all state is saved."""
        self.check()
        if self._wish == states.PAUSE:
            raise Paused("")
        if time.monotonic() > self._ends_at:
            hours = self._max_seconds / 3600
            raise Paused(f"Paused after {hours:g} hours, the limit for one stretch of work. Resume to go on.")

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside, a signal stops the work between two instructions: for long calls that ask nobody and keep nothing."""
        self.check_at_rest()
        self._raises_at_once = True
        try:
            yield
        finally:
            self._raises_at_once = False
        self.check_at_rest()

    def _hear(self, _number: int, _frame: Any) -> None:
        self._is_stopped = True
        if self._raises_at_once:
            self._raises_at_once = False
            self._look(even_if_recent=True)
            raise self._why_stopped()

    def _why_stopped(self) -> Cancelled:
        # The supervisor sends SIGTERM for a cancel too, so that a step which takes long is not in the way.
        if self._wish == states.CANCEL:
            return Cancelled("cancelled by the user")
        return Stopped("The system asked the training process to end. Resume to go on.")

    def _look(self, *, even_if_recent: bool = False) -> None:
        clock = time.monotonic()
        if not even_if_recent and clock - self._looked_at < SECONDS_BETWEEN_LOOKS:
            return
        self._looked_at = clock
        try:
            wish = states.wish_for(self.task_id, self.fence)
        except ResourceUnavailable:  # busy or full for the moment; the next look will tell
            return
        if wish is None:
            # Somebody judged this process dead and may have started another: touch nothing any more.
            os._exit(EXIT_SUPERSEDED)
        self._wish = wish
