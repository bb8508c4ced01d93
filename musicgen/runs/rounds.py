"""The life of a process that works in rounds while there is something to do: the supervisor, the searcher."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from musicgen.runs.locks import FileLock

SECONDS_AFTER_FAULT = 1.0


def in_rounds(
    lock: FileLock,
    one_round: Callable[[], bool],
    has_work: Callable[[], object],
    *,
    idle_seconds: float,
    poll_seconds: float,
    log: logging.Logger,
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Until there was nothing to do for `idle_seconds`, or the storage folder is gone.

    Args:
        lock: held by this process. one_round: whether there was something to do. has_work: what the record says.
        wait: for `poll_seconds`, or until there is a reason to begin the next round.
    """
    busy_at = time.monotonic()
    while lock.path.exists():
        try:
            is_busy = one_round()
        # A process boundary: one failed round (a busy or full record, a bug) must not leave work unwatched.
        except Exception:
            log.exception("a round failed")
            is_busy = True
            time.sleep(SECONDS_AFTER_FAULT)
        if is_busy:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at > idle_seconds:
            lock.release()
            # A process that submitted before this moment saw the lock held and relies on us.
            if not has_work() or not lock.take():
                return
        wait(poll_seconds)
