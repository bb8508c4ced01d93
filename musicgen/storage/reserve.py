"""Final messages that must be written: how the work ended, that something was deleted.

On a completely full disk nobody could record that, nor delete anything (the record needs room for that too). And a
database server may be away for the moments of its restart: it is waited for.

A file holds the room. It is created before new work starts, and removed when the disk is full and something must still
be written: that a run is paused, that something was deleted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from musicgen.errors import MusicgenError, StorageUnavailable
from musicgen.faults import is_storage_fault
from musicgen.settings import home
from musicgen.storage.files import write_bytes
from musicgen.storage.postgres_faults import AWAY

NAME = ".room-for-the-last-word"
AWAY_SECONDS = 10.0  # how long a database server may be away
RETRY_SECONDS = 0.25
SIZE = 256 * 1024  # a dozen pages of the record, their journal, and a line in a log

Written = TypeVar("Written")


def keep_room() -> None:
    """Reserve the room if it is not reserved yet. Raises OSError if the disk does not have it."""
    path = _path()
    if not path.is_file() or path.stat().st_size < SIZE:
        write_bytes(path, os.urandom(SIZE))  # random bytes: a file system that compresses cannot shrink them


def keep_room_if_there_is() -> None:
    """As `keep_room`, for callers that will try again later."""
    with suppress(OSError, MusicgenError):
        keep_room()


def at_last(write: Callable[[], Written]) -> Written:
    """Run a write that must succeed even on a full disk; if it did not fit, once more with the reserved room. If the
    server of the record is away, again until it is back."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return write()
        except (StorageUnavailable, OSError) as error:
            if getattr(error, "code", "") == AWAY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
                continue
            if not is_storage_fault(error) or not _give_up():
                raise
            return write()


def _give_up() -> bool:
    try:
        _path().unlink()
    except OSError:
        return False
    return True


def _path() -> Path:
    return home() / NAME
