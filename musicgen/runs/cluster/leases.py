"""Leases: who may write for a task, without a common clock and without locks between machines.

The holder renews a small file every few seconds and counts on its own steady clock. If it could not renew it for
LEASE_SECONDS, or the fence has another number, it has lost the lease for good and writes nothing any more. The other
side waits on its own clock until it has seen no renewal for TAKEOVER_SECONDS, which is longer, and then raises the
fence. A holder that is stopped between its check and its write is harmless too: what it writes is in the folder of its
own attempt, which nobody reads any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from musicgen.errors import Cancelled
from musicgen.runs.cluster.places import Attempt
from musicgen.storage.files import write_json

BEAT_SECONDS = 2.0
LEASE_SECONDS = 12.0
TAKEOVER_SECONDS = 16.0


class LeaseLost(Cancelled):
    """This process may not write any more; `str` says why."""


def steady() -> float:
    """Seconds that also pass while the machine sleeps, where the system can tell."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Lease:
    """The holder's side. `about`: what else the file says, read anew at each renewal."""

    def __init__(
        self,
        attempt: Attempt,
        about: Callable[[], dict[str, Any]] = dict,
        *,
        clock: Callable[[], float] = steady,
    ) -> None:
        self.attempt, self._about, self._clock = attempt, about, clock
        self._beat, self._renewed_at = 0, clock()
        self._lost = ""
        self._ends = threading.Event()

    def check(self) -> None:
        """Call before every write to the shared folder. Raises LeaseLost."""
        if not self._lost and self._clock() - self._renewed_at > LEASE_SECONDS:
            self._lost = f"the lease could not be renewed for {LEASE_SECONDS:g} s"
        if not self._lost:
            with suppress(OSError, ValueError):  # not reachable at the moment: the clock decides
                if not self.attempt.is_current():
                    self._lost = "the task was given to another attempt"
        if self._lost:
            raise LeaseLost(self._lost)

    def renew(self) -> None:
        """Raises LeaseLost."""
        began = self._clock()
        self.check()
        document = {**self._about(), "number": self.attempt.number, "beat": self._beat + 1}
        with suppress(OSError):  # tried again at the next beat
            write_json(self.attempt.folder / "lease.json", document, survives_power_cut=False)
            self._beat += 1
            self._renewed_at = began

    def keep(self) -> None:
        """Renew it in a thread of its own until `let_go`, or until it is lost."""
        self.renew()
        threading.Thread(target=self._keep, daemon=True).start()

    def let_go(self) -> None:
        self._ends.set()

    def _keep(self) -> None:
        with suppress(LeaseLost):
            while not self._ends.wait(BEAT_SECONDS):
                self.renew()


class Watch:
    """The other side: how long the holder has been silent."""

    def __init__(self, attempt: Attempt, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.attempt, self._clock = attempt, clock
        self._beat: Any = None
        self._seen_at = clock()
        self.last: dict[str, Any] = {}

    def look(self) -> None:
        lease = self.attempt.lease()
        if lease.get("number") == self.attempt.number and lease.get("beat") != self._beat:
            self._beat, self._seen_at, self.last = lease.get("beat"), self._clock(), lease

    @property
    def has_begun(self) -> bool:
        """Whether a holder was ever seen."""
        return self._beat is not None

    @property
    def silent_seconds(self) -> float:
        return self._clock() - self._seen_at
