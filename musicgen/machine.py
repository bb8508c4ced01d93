"""What this process may use of the machine it runs on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

# Numeric libraries choose their kernels by these, the widest first. Kernels of another width round differently.
INSTRUCTION_SETS = ("amx_tile", "avx512f", "avx2", "avx", "sse4_2", "asimd")


def usable_cores() -> int:
    """Processor cores that this process may run on: fewer than the machine has if a container or `taskset` says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory of the machine in bytes; None if the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def processor() -> str:
    """Model and widest instruction set, such as "AMD EPYC, avx512f". Another processor may round sums differently."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = (found.get("flags") or found.get("Features") or "").split()
    widest = next((name for name in INSTRUCTION_SETS if name in flags), "")
    return ", ".join(filter(None, (found.get("model name") or platform.machine(), widest)))


def give_way(niceness: int) -> None:
    """Give other processes priority when the processor is busy. Alone, this process is as fast as before.

    Linux can schedule whole sessions against each other (`sched_autogroup_enabled`, usual on desktops). The niceness of
    a process then counts only within its session, so a process with a session of its own sets that of the session."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))
