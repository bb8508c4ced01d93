"""What this process may use of the machine it runs on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

# What numeric libraries choose their kernels by, the widest first: kernels of another width round differently.
INSTRUCTION_SETS = ("amx_tile", "avx512f", "avx2", "avx", "sse4_2", "asimd")


def usable_cores() -> int:
    """Processor cores that this process may run on, which a container or `taskset` can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory that the machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def processor() -> str:
    """Model and widest instruction set, "AMD EPYC, avx512f": on another one, sums may round differently."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = (found.get("flags") or found.get("Features") or "").split()
    widest = next((name for name in INSTRUCTION_SETS if name in flags), "")
    return ", ".join(filter(None, (found.get("model name") or platform.machine(), widest)))


def give_way(niceness: int) -> None:
    """Let others go first where the processor is short; alone on it, this process is as fast as before.

    Linux can weigh whole sessions against each other (`sched_autogroup_enabled`, usual on desktops). There the niceness
    of a process counts within its session only, and a process in a session of its own has to say it of the session."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))
