"""The library: songs as rows of the record, each with a folder of what was derived and a blob as it was given.

    songs/<id>/             the clip
    blobs/ab/cd/<sha256>    the upload

Row, folder and blob change together under the database's write lock, and whoever changes them first writes down in its
workplace what it is about to move: so the same content is one song however many import it at once, nobody sees half a
song, and what a killed process left behind is known by name (see `tidying`). Reads no uploads.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, InvalidInput, NotFound, sentence
from musicgen.settings import home
from musicgen.songs.names import clean_name
from musicgen.songs.workplace import Workplace
from musicgen.storage import database
from musicgen.storage.database import check_id, new_id, now, songs
from musicgen.storage.files import blob_path, sync_file, sync_folder

if TYPE_CHECKING:
    from musicgen.clips import Clip

MANY = 500  # values in one SQL statement


@dataclass(frozen=True)
class Song:
    """One song of the library.

    Attributes:
        sha256: of the upload. format: wav, mp3, flac, ogg, m4a or midi. source: "upload" or where a sample comes from.
        facts: what the clip's facts.json says. report: the FileReport of its import, as JSON.
    """

    id: str
    sha256: str
    name: str
    medium: str
    format: str
    source: str
    seconds: float
    facts: dict[str, Any]
    report: dict[str, Any]
    created_at: float

    @property
    def folder(self) -> Path:
        return song_folder(self.id)

    @property
    def clip(self) -> Clip:
        """What there is to hear and see. Raises CorruptArtifact where its files are gone."""
        from musicgen.clips import Clip

        if not self.folder.is_dir():
            rule = "A song of the library has its files beside it"
            raise CorruptArtifact(sentence(rule, f"no folder for {self.id}", "Remove it and add the file again."))
        return Clip(self.folder)


@dataclass(frozen=True)
class NewSong:
    """A song ready to be published: `folder` (its clip) and `blob` (its upload) lie on the library's file system."""

    sha256: str
    name: str
    medium: str
    format: str
    source: str
    seconds: float
    facts: dict[str, Any]
    report: dict[str, Any]
    folder: Path
    blob: Path


def song_folder(song_id: str) -> Path:
    return home() / "songs" / check_id("song", song_id)


def list_songs(*, search: str = "", medium: str | None = None, offset: int = 0, limit: int | None = None) -> list[Song]:
    """Songs, newest first. `search`: words that all occur in the name, whatever their case and accents."""
    ids = _matching_ids(search, medium)
    wanted = ids[offset : None if limit is None else offset + limit]
    found = {row["id"]: row for row in _rows(wanted)}
    return [Song(**found[song_id]) for song_id in wanted if song_id in found]


def count_songs(*, search: str = "", medium: str | None = None) -> int:
    """How many songs `list_songs` would give."""
    return len(_matching_ids(search, medium))


def get_song(song_id: str) -> Song:
    """Raises NotFound."""
    row = database.one(sa.select(songs).where(songs.c.id == check_id("song", song_id)))
    if row is None:
        raise NotFound(sentence("A song is in the library until it is removed", repr(song_id), "Look at the list."))
    return Song(**row)


def rename_song(song_id: str, name: str) -> Song:
    """Give a song another name (cleaned for display). Raises NotFound, InvalidInput for a name without a letter."""
    shown = clean_name(name)
    if not shown:
        raise InvalidInput(sentence("A song's name has at least one visible character", repr(name[:80])))
    database.change(sa.update(songs).where(songs.c.id == check_id("song", song_id)).values(name=shown))
    return get_song(song_id)


def remove_song(song_id: str) -> None:
    """Take a song out of the library: first its row, then its files. Runs that learned from it go on without it."""
    song = get_song(song_id)
    with Workplace() as place, place.moving([(song.id, song.sha256)], discard):
        database.change(sa.delete(songs).where(songs.c.id == song.id))
        discard(song.id, song.sha256)


def discard(song_id: str, sha256: str) -> None:
    """Remove folder and blob where no row speaks for them."""
    with write_lock() as connection:
        is_gone = connection.execute(sa.select(songs.c.id).where(songs.c.id == song_id)).first() is None
        if _find(connection, sha256) is None:
            blob_path(sha256).unlink(missing_ok=True)
    if is_gone:
        shutil.rmtree(song_folder(song_id), ignore_errors=True)


@contextmanager
def write_lock() -> Iterator[sa.Connection]:
    """A transaction during which nobody else adds or removes songs."""
    with database.engine().begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's transactions are exclusive as they are
            connection.execute(sa.text("LOCK TABLE songs IN EXCLUSIVE MODE"))
        yield connection


def known_contents(hashes: Iterable[str]) -> dict[str, Song]:
    """sha256 → song, for those contents that the library has, files included."""
    wanted = list(dict.fromkeys(hashes))
    rows: list[dict[str, Any]] = []
    for start in range(0, len(wanted), MANY):
        rows += database.every(sa.select(songs).where(songs.c.sha256.in_(wanted[start : start + MANY])))
    known = (Song(**row) for row in rows)
    return {song.sha256: song for song in known if song.folder.is_dir() and blob_path(song.sha256).is_file()}


def publish(new: Sequence[NewSong], place: Workplace) -> list[tuple[str, bool]]:
    """Put songs from `place` into the library, all or none; of each its id and whether it is new.

    Content that is there by now keeps the song it has, which gets back what it has lost of its files.

    Raises OSError or a database error where disk or record fail."""
    for song in new:
        _sync(song)
    ids = [new_id("song") for _ in new]
    moves = [(song_id, song.sha256) for song_id, song in zip(ids, new, strict=True)]
    with place.moving(moves, discard), write_lock() as connection:
        changed: set[Path] = set()
        published = [_publish_one(connection, *pair, changed) for pair in zip(ids, new, strict=True)]
        for folder in changed:
            sync_folder(folder)
    return published


def _publish_one(connection: sa.Connection, song_id: str, song: NewSong, changed: set[Path]) -> tuple[str, bool]:
    """`changed` gathers the folders in which something got its name."""
    known = _find(connection, song.sha256)
    if known is None:
        columns = {column.name: getattr(song, column.name) for column in songs.c if hasattr(song, column.name)}
        columns |= {"id": song_id, "created_at": now(), "report": song.report | {"id": song_id}}
        connection.execute(sa.insert(songs).values(columns))
    shown_id = known or song_id
    if not song_folder(shown_id).is_dir():
        changed |= _move(song.folder, song_folder(shown_id))
    if not blob_path(song.sha256).is_file():
        changed |= _move(song.blob, blob_path(song.sha256))
    return shown_id, known is None


def _find(connection: sa.Connection, sha256: str) -> str | None:
    return connection.execute(sa.select(songs.c.id).where(songs.c.sha256 == sha256)).scalar()


def _move(source: Path, target: Path) -> set[Path]:
    """Rename; the folders to be synced: that of `target` and, where it is new, those above it."""
    changed = {target.parent}
    for folder in (target.parent, target.parent.parent):
        if not folder.exists():
            changed.add(folder.parent)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.replace(source, target)
    return changed


def _sync(song: NewSong) -> None:
    for path in song.folder.rglob("*"):
        if path.is_file():
            sync_file(path)
    sync_folder(song.folder)
    sync_file(song.blob)


def _matching_ids(search: str, medium: str | None) -> list[str]:
    """Ids, newest first. Names are compared here: SQLite folds the case of ASCII letters only."""
    statement = sa.select(songs.c.id, songs.c.name).order_by(songs.c.created_at.desc(), songs.c.id)
    if medium is not None:
        statement = statement.where(songs.c.medium == medium)
    words = _folded(search).split()

    def matches(name: str) -> bool:
        folded = _folded(name) if words else ""
        return all(word in folded for word in words)

    return [row["id"] for row in database.every(statement) if matches(row["name"])]


def _rows(ids: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), MANY):
        found += database.every(sa.select(songs).where(songs.c.id.in_(ids[start : start + MANY])))
    return found


def _folded(text: str) -> str:
    """For comparing: without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
