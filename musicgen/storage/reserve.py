"""Some room on the disk that is kept for the last word: on a disk that is really full, nothing could be written of what
became of the work, nor anything be removed (the record needs room for that as well).

A file holds the room. It is made before new work is taken on, and given up where the disk is full and something must be
written all the same: that a run is paused, that something was deleted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from musicgen.errors import MusicgenError, StorageUnavailable
from musicgen.faults import is_storage_fault
from musicgen.settings import home
from musicgen.storage.files import write_bytes

NAME = ".room-for-the-last-word"
SIZE = 256 * 1024  # a dozen pages of the record, their journal, and a line in a log

Written = TypeVar("Written")


def keep_room() -> None:
    """Hold the room, where it is not held yet. Raises OSError where the disk does not have it."""
    path = _path()
    if not path.is_file() or path.stat().st_size < SIZE:
        write_bytes(path, os.urandom(SIZE))  # a disk that packs its files cannot pack this one


def keep_room_if_there_is() -> None:
    """The same, for who will try again another time."""
    with suppress(OSError, MusicgenError):
        keep_room()


def at_last(write: Callable[[], Written]) -> Written:
    """Do what must be written even on a full disk; a second time, with the room that was kept, where it did not fit."""
    try:
        return write()
    except (StorageUnavailable, OSError) as error:
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
