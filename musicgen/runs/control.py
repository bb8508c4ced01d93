"""Requests to this worker: the user's from the record, the system's by signals.

A cancel takes effect at the next step, a pause at the next safe point (the end of an epoch). SIGTERM and SIGINT also
stop at the next step; what was learned is kept, and the run can be resumed.
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
    """Stopped at a safe point; `str` gives the reason."""


class Stopped(Cancelled):
    """The system asked the process to end."""


class Control:
    """Call `check` at every step and `check_at_rest` at safe points. After `max_seconds` it requests a pause itself."""

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
        """Handle the signals of this process."""
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._hear)

    @property
    def is_stopped(self) -> bool:
        """Whether the system, or the supervisor for a cancel, asked this process to end."""
        return self._is_stopped

    def wish(self) -> str:
        """The user's wish, as a word of `states`; read from the record twice a second."""
        self._look(even_if_recent=self._is_stopped)
        return self._wish

    def check(self) -> None:
        """Raises Cancelled if the work has to stop now. Cheap: reads the record only twice a second."""
        if self._is_stopped:
            self._look(even_if_recent=True)
            raise self._why_stopped()
        self._look()
        if self._wish == states.CANCEL:
            raise Cancelled("cancelled by the user")

    def wants_rest(self) -> bool:
        """Whether `check_at_rest` is going to raise; the state is then saved first."""
        self._look(even_if_recent=True)
        return self._is_stopped or bool(self._wish) or time.monotonic() > self._ends_at

    def check_at_rest(self) -> None:
        """As `check`; also raises Paused if the user or the time limit wants it. Only call with all state saved."""
        self.check()
        if self._wish == states.PAUSE:
            raise Paused("")
        if time.monotonic() > self._ends_at:
            hours = self._max_seconds / 3600
            raise Paused(f"Paused after {hours:g} hours without a break, which is the limit. Resume to go on.")

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """In this block, a signal stops the work at once: for long calls that cannot `check` and need save nothing."""
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
        # The supervisor sends SIGTERM for a cancel too, so that a long step does not delay it.
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
        except ResourceUnavailable:  # busy or full for the moment; it is read again soon
            return
        if wish is None:
            # This process was taken for dead and another may have been started: change nothing any more.
            os._exit(EXIT_SUPERSEDED)
        self._wish = wish
