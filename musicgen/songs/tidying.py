"""Finishes what killed imports and removals left half done. Safe while others work.

It touches only what a workplace has noted, and only if no database row refers to it: a database that was
lost or replaced never makes it remove the files of songs. `inspect` reports any other inconsistency.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from musicgen.settings import home
from musicgen.songs.library import discard, write_lock
from musicgen.songs.workplace import STARTING_SECONDS, abandoned, remove
from musicgen.storage.database import songs

_last_tidied: dict[Path, float] = {}


@dataclass(frozen=True)
class Inspection:
    """Inconsistencies, as ids and content hashes.

    Attributes:
        dangling: songs whose folder or blob is missing; importing the file again repairs them.
        folders, blobs: those that belong to no song in the database.
    """

    dangling: tuple[str, ...]
    folders: tuple[str, ...]
    blobs: tuple[str, ...]


def tidy(min_age: float = STARTING_SECONDS) -> int:
    """Settle and remove the workplaces of killed processes, untouched for `min_age` seconds; returns how many."""
    count = 0
    for folder, moves in abandoned(min_age):
        for song_id, sha256 in moves:
            discard(song_id, sha256)
        remove(folder)
        count += 1
    return count


def tidy_now_and_then(every_seconds: float = 3600.0) -> None:
    """`tidy`, unless this process has done so recently."""
    storage = home()
    if time.monotonic() - _last_tidied.get(storage, float("-inf")) >= every_seconds:
        _last_tidied[storage] = time.monotonic()
        tidy()


def inspect() -> Inspection:
    """Compare the database with the files, changing nothing."""
    with write_lock() as connection:
        known = {row.id: row.sha256 for row in connection.execute(sa.select(songs.c.id, songs.c.sha256))}
        folders = {path.name for path in (home() / "songs").glob("song-*")}
        blobs = {path.name for path in (home() / "blobs").glob("??/??/*")}
    dangling = (song_id for song_id, sha256 in known.items() if song_id not in folders or sha256 not in blobs)
    return Inspection(
        tuple(sorted(dangling)), tuple(sorted(folders - set(known))), tuple(sorted(blobs - set(known.values())))
    )
