"""Tells the supervisor that work is about to be ordered, so that it keeps a process ready. Light: pages call it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from musicgen.errors import MusicgenError
from musicgen.runs.folders import expected_file, expected_training_file
from musicgen.runs.launching import ensure_supervisor
from musicgen.settings import settings
from musicgen.storage.files import read_json, write_json

SECONDS_BETWEEN = 20.0
# Of the request of a run: what a rehearsal depends on.
PARTS = ("approach", "preset", "training", "songs", "seed", "train_from", "hear_it_learn")

_told_at = -1e9
_training_told = "", -1e9  # the name, and when


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


def expect_training(request: Mapping[str, Any]) -> None:
    """Call it after `expect_work` where it will be a training, asked for as in the request of a run: a process that is
    kept ready rehearses it."""
    global _training_told
    name, clock = training_name(request), time.monotonic()
    if name == _training_told[0] and clock - _training_told[1] < SECONDS_BETWEEN:
        return
    with suppress(MusicgenError, OSError):
        if settings().warm_minutes:
            _training_told = name, clock
            parts = {part: request[part] for part in PARTS if part in request}
            write_json(expected_training_file(), parts, survives_power_cut=False)


def expected_training() -> tuple[dict[str, Any], float] | None:
    """(what was told of a training, how many seconds ago); None if something else was expected since, or if it cannot
    be read."""
    try:
        told_at = expected_training_file().stat().st_mtime
        if told_at < expected_file().stat().st_mtime - SECONDS_BETWEEN / 2:
            return None
        found = read_json(expected_training_file(), None)
    except (MusicgenError, OSError):
        return None
    return (found, time.time() - told_at) if isinstance(found, dict) else None


def training_name(request: Mapping[str, Any]) -> str:
    """Equal for requests that begin with the same work."""
    parts = json.dumps([request.get(part) for part in PARTS], sort_keys=True, default=str)
    return hashlib.sha256(parts.encode()).hexdigest()[:16]
