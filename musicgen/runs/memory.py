"""How much memory this process used, and whether the system ran out of memory. Standard library only."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def peak_memory_bytes() -> int | None:
    """Peak resident memory of this process in bytes; None if the system does not tell."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def out_of_memory_kills() -> int | None:
    """Number of out-of-memory kills in our cgroup (version 2); None if the system does not tell."""
    try:
        own = Path("/proc/self/cgroup").read_text().splitlines()
        path = next((line.split("::", 1)[1] for line in own if line.startswith("0::")), "/")
        events = Path(f"/sys/fs/cgroup{path.rstrip('/')}/memory.events").read_text()
        return int(dict(line.split() for line in events.splitlines())["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
