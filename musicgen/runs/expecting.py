"""Tells the supervisor that work is about to be ordered, so that it keeps a process ready. Light: pages call it."""

from __future__ import annotations

import time
from contextlib import suppress

from musicgen.errors import MusicgenError
from musicgen.runs.folders import expected_file
from musicgen.runs.launching import ensure_supervisor
from musicgen.settings import settings

SECONDS_BETWEEN = 20.0

_told_at = -1e9


def expect_work() -> None:
    """Call it where a person is about to order work; as often as you like. Never raises: it only saves time."""
    global _told_at
    clock = time.monotonic()
    if clock - _told_at < SECONDS_BETWEEN:
        return
    with suppress(MusicgenError, OSError):  # a full or read-only disk, or settings that something else complains about
        if not settings().warm_minutes:
            return
        _told_at = clock
        expected_file().touch(mode=0o600)
        ensure_supervisor()
