"""What this process may use of the machine it runs on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")
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


def free_memory_bytes() -> int | None:
    """Memory in bytes that new work can have without swapping, within the limits of a container; None if the system
    does not tell."""
    found = [_free_of_machine(), *(_free_of_group(folder) for folder in _control_groups())]
    return min((each for each in found if each is not None), default=None)


def _free_of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _control_groups() -> list[Path]:
    """The folders of this process's control group (version 2) and of those around it."""
    try:
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return []
    folder = CONTROL_GROUPS / own.lstrip("/")
    return [each for each in (folder, *folder.parents) if each.is_relative_to(CONTROL_GROUPS)]


def _free_of_group(folder: Path) -> int | None:
    """What is left of its limit, counting as free what the system keeps of files; None without a limit."""
    try:
        limit, used = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        told = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return max(limit - used + int(told.get("inactive_file", 0)), 0)
    except (OSError, ValueError):  # ValueError: the limit is "max"
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


def processor_features() -> list[str]:
    """All instruction sets that the processor names; empty if the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return []
    found = {name.strip(): value.split() for name, _, value in (line.partition(":") for line in lines)}
    return sorted(found.get("flags") or found.get("Features") or [])


def give_way(niceness: int) -> None:
    """Give other processes priority when the processor is busy. Alone, this process is as fast as before.

    Linux can schedule whole sessions against each other (`sched_autogroup_enabled`, usual on desktops). The niceness of
    a process then counts only within its session, so a process with a session of its own sets that of the session."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))
