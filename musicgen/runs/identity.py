"""Identifies processes, so that a reused process number is never signalled. Knows no runs."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.runs.memory import out_of_memory_kills

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Changes when the machine restarts; "" if the system does not tell."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def started(pid: int) -> str:
    """When a process started, as text that does not depend on the wall clock; "" if there is no such process."""
    try:
        # Field 22, ticks since boot; the name in field 2 may hold spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        pass
    import psutil

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def identity() -> dict[str, Any]:
    """JSON about this process, for `is_same` and to find out later whether memory ran out."""
    pid = os.getpid()
    return {"pid": pid, "started": started(pid), "boot": boot_id(), "oom_kills": out_of_memory_kills()}


def is_same(known: dict[str, Any]) -> bool:
    """Whether the process described is alive and still the same one."""
    pid = known.get("pid")
    return isinstance(pid, int) and bool(known.get("started")) and started(pid) == known["started"]


def ask_to_end(known: dict[str, Any]) -> None:
    """Send SIGTERM to the process described, if it is still the same one."""
    if is_same(known):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(known["pid"], signal.SIGTERM)


def end_tree(known: dict[str, Any]) -> None:
    """Send SIGKILL to the process described and all that it started, if it is still the same one."""
    import psutil

    if not is_same(known):
        return
    with suppress(psutil.Error):
        parent = psutil.Process(known["pid"])
        family = [*parent.children(recursive=True), parent]
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + 2.0
        # One that we started ourselves stays a zombie until our caller asks for its exit status.
        while is_same(known) and parent.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)
