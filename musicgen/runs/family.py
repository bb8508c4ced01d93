"""A process that ends with its parent, however that one ends (Linux). Elsewhere, leases and locks must do."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress

DIES_WITH = "MUSICGEN_DIES_WITH"  # in the environment: number of the parent process; only for workers on a node
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """If the environment names the parent of this process: be killed by the system when it dies."""
    parent = os.environ.pop(DIES_WITH, "")
    if not parent:
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.name == "posix" and str(os.getppid()) != parent:  # it died before
        os.kill(os.getpid(), signal.SIGKILL)
