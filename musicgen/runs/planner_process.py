"""The process that makes the plans of the Train page while its form is open: a child of the server, with the songs
prepared and in memory. `planner` starts it, asks it, and is the only one that does.

One per storage folder: it holds a lock, and ends at once if another one does. It ends with its server, when nobody has
asked for a while, and when memory is short; like any child it may be killed at any moment, and then the plan is made
in a process of its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import psutil

from musicgen.machine import free_memory_bytes
from musicgen.processes import child_serving, send_line
from musicgen.runs import identity
from musicgen.runs.folders import planner_file, planner_lock
from musicgen.runs.locks import FileLock
from musicgen.runs.planning import plan
from musicgen.runs.preparing import Preparations
from musicgen.settings import settings
from musicgen.storage.files import write_json

LOOK_SECONDS = 2.0
MAX_BYTES = 1_500_000_000  # with more, what was prepared is forgotten
MB = 1 << 20

preparations = Preparations()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """A plan; see `planning.plan`."""
    found = plan(request, preparations)
    if psutil.Process().memory_info().rss > MAX_BYTES:
        preparations.clear()
    return found


def stays(idle_seconds: float) -> bool:
    """Whether to wait for another request."""
    free = free_memory_bytes()
    is_short = free is not None and free < settings().warm_free_mb * MB / 2
    is_large = psutil.Process().memory_info().rss > MAX_BYTES
    return idle_seconds < settings().warm_minutes * 60 and not is_short and not is_large


def main() -> None:
    """Serve until there is a reason to end."""
    lock = FileLock(planner_lock())
    if not lock.take():
        return
    with lock:
        with suppress(OSError):  # for people only
            write_json(planner_file(), identity.identity(), survives_power_cut=False)
        send_line({"ready": os.getpid()})
        child_serving(answer, stays, LOOK_SECONDS)


if __name__ == "__main__":
    main()
