"""The janitor: removes what killed imports, removals and power cuts left behind. Safe while others work.

Files get their names in `songs/` and `blobs/` under the database's write lock, in the transaction that inserts their
row. So while this module holds that lock, what has no row is garbage.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from musicgen.settings import home
from musicgen.songs.workplace import STARTING_SECONDS, remove_abandoned
from musicgen.storage import database
from musicgen.storage.database import ID_PATTERN, songs
from musicgen.storage.files import blob_path

TEMPORARY_SECONDS = 3600.0  # a hidden file in blobs/ or folder in songs/ is somebody's unfinished work for so long
UNSERIALISED_SECONDS = 3600.0  # a database other than SQLite lets others publish while we look

_last_tidied: dict[Path, float] = {}


@dataclass(frozen=True)
class Tidied:
    """What was removed, and `dangling`: ids of songs whose folder or blob is missing, which only people can judge."""

    workplaces: int
    folders: int
    blobs: int
    dangling: tuple[str, ...]


def tidy(min_age: float = STARTING_SECONDS) -> Tidied:
    """Remove abandoned workplaces (untouched for `min_age` s), folders without a song and blobs without a song."""
    workplaces = remove_abandoned(min_age)
    trash = home() / "tmp" / f"trash-{uuid.uuid4().hex}"
    with database.engine().begin() as connection:
        age = 0.0 if connection.dialect.name == "sqlite" else UNSERIALISED_SECONDS
        known = {row.id: row.sha256 for row in connection.execute(sa.select(songs.c.id, songs.c.sha256))}
        folders = [path for path in _song_folders() if path.name not in known and _is_garbage(path, age)]
        all_trash = [*trash.parent.glob("trash-*"), trash]
        trash.mkdir(parents=True, mode=0o700)
        for folder in folders:
            with suppress(FileNotFoundError):  # whoever removed its song is removing it
                folder.rename(trash / folder.name)
        contents = set(known.values())
        blobs = [path for path in _blobs() if path.name not in contents and _is_garbage(path, age)]
        for blob in blobs:
            blob.unlink(missing_ok=True)
        dangling = [song_id for song_id, sha256 in known.items() if not _has_files(song_id, sha256)]
    for folder in all_trash:
        shutil.rmtree(folder, ignore_errors=True)
    return Tidied(workplaces, len(folders), len(blobs), tuple(sorted(dangling)))


def tidy_now_and_then(every_seconds: float = 3600.0) -> None:
    """`tidy`, unless this process has done so lately."""
    storage = home()
    if time.monotonic() - _last_tidied.get(storage, float("-inf")) >= every_seconds:
        _last_tidied[storage] = time.monotonic()
        tidy()


def _song_folders() -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from (home() / "songs").iterdir()


def _blobs() -> Iterator[Path]:
    yield from (home() / "blobs").glob("??/??/*")
    yield from (home() / "blobs").glob(".*")


def _is_garbage(path: Path, age: float) -> bool:
    is_temporary = path.name.startswith(".")
    is_ours = is_temporary or ID_PATTERN.match(path.name) is not None or len(path.name) == 64
    try:
        return is_ours and time.time() - path.stat().st_mtime >= (TEMPORARY_SECONDS if is_temporary else age)
    except OSError:
        return False


def _has_files(song_id: str, sha256: str) -> bool:
    return (home() / "songs" / song_id).is_dir() and blob_path(sha256).is_file()
