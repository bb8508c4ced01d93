"""The library: each song is a database row, a folder with its clip, and the uploaded file as it was.

    songs/<id>/             the clip
    blobs/ab/cd/<sha256>    the upload

Row, folder and blob change together under the database's write lock. Whoever changes them first notes in its
workplace what it is about to move. So the same content is one song however many import it at once, nobody sees half a
song, and what a killed process leaves behind can be found (see `tidying`). Reads no uploads.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, InvalidInput, NotFound, sentence
from musicgen.settings import home
from musicgen.songs.names import clean_lines, clean_name
from musicgen.songs.workplace import Workplace
from musicgen.storage import database
from musicgen.storage.database import check_id, new_id, now, songs
from musicgen.storage.files import blob_path, sync_folders, sync_tree
from musicgen.storage.reserve import at_last

if TYPE_CHECKING:
    from musicgen.clips import Clip

MANY = 500  # values in one SQL statement
NEWEST, BY_NAME = "newest", "name"
ORDERS: dict[str, tuple[sa.ColumnElement[Any], ...]] = {
    NEWEST: (songs.c.created_at.desc(), songs.c.id),
    "oldest": (songs.c.created_at, songs.c.id),
    BY_NAME: (songs.c.id,),  # then sorted by name: see `_matching_ids`
    "longest": (songs.c.seconds.desc(), songs.c.id),
    "shortest": (songs.c.seconds, songs.c.id),
}


@dataclass(frozen=True)
class Song:
    """One song of the library.

    Attributes:
        sha256: of the upload. format: wav, mp3, flac, ogg, m4a or midi. source: "upload", or the origin of a sample.
        facts: what the clip's facts.json says. report: the FileReport of its import, as JSON.
        rights: what the user says about the rights to it; "" if nothing.
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
    rights: str = ""

    @property
    def folder(self) -> Path:
        return song_folder(self.id)

    @property
    def clip(self) -> Clip:
        """Its clip. Raises CorruptArtifact if its files are gone."""
        from musicgen.clips import Clip

        if not self.folder.is_dir():
            rule = "Every song in the library must have its files"
            raise CorruptArtifact(sentence(rule, f"no folder for {self.id}", "Remove it and add the file again."))
        return Clip(self.folder)


@dataclass(frozen=True)
class NewSong:
    """A song ready to be published: `folder` (its clip) and `blob` (its upload), on the library's file system."""

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
    created_at: float = field(default_factory=now)
    rights: str = ""


_COLUMNS = tuple(column.name for column in songs.c if column.name != "id")


def song_folder(song_id: str, root: Path | None = None) -> Path:
    """`root`: the folder of all stored data; `home()` by default."""
    return (root or home()).joinpath("songs", check_id("song", song_id))


def list_songs(
    *, search: str = "", medium: str | None = None, order: str = NEWEST, offset: int = 0, limit: int | None = None
) -> list[Song]:
    """Songs, newest first or in another of ORDERS. `search`: words that all occur in the name, whatever their case and
    accents."""
    return find_songs(search=search, medium=medium, order=order, offset=offset, limit=limit)[0]


def find_songs(
    *, search: str = "", medium: str | None = None, order: str = NEWEST, offset: int = 0, limit: int | None = None
) -> tuple[list[Song], int]:
    """One page of `list_songs`, and the number of songs on all pages. Only the rows of the page are read, so a
    library of thousands is as fast as one of ten."""
    if search.split() or order == BY_NAME:
        matching = _matching_ids(search, medium, order)
        ids, total = matching[offset : None if limit is None else offset + limit], len(matching)
    else:
        listed = _of(medium, sa.select(songs.c.id)).order_by(*ORDERS[order]).offset(offset).limit(limit)
        ids, total = [song_id for (song_id,) in database.tuples(listed)], count_songs(medium=medium)
    return songs_of(ids), total


def song_ids(*, search: str = "", medium: str | None = None, after: str | None = None) -> list[str]:
    """The ids of `list_songs`, newest first; `after`: only those after this id. Raises NotFound if it is not there."""
    if search.split():
        ids = _matching_ids(search, medium, NEWEST)
    else:
        ids = [each for (each,) in database.tuples(_of(medium, sa.select(songs.c.id)).order_by(*ORDERS[NEWEST]))]
    if after is None:
        return ids
    if after not in ids:
        raise NotFound(sentence("A list can only continue after a song that is in it", repr(after), "List all songs."))
    return ids[ids.index(after) + 1 :]


def each_of(ids: Sequence[str]) -> Iterator[Song]:
    """Like `songs_of`, but read a few at a time to save memory."""
    for start in range(0, len(ids), MANY):
        yield from songs_of(ids[start : start + MANY])


def count_songs(*, search: str = "", medium: str | None = None) -> int:
    """How many songs `list_songs` would return."""
    if search.split():
        return len(_matching_ids(search, medium, NEWEST))
    return int(database.tuples(_of(medium, sa.select(sa.func.count()).select_from(songs)))[0][0])


def get_song(song_id: str) -> Song:
    """Raises NotFound."""
    row = database.one(sa.select(songs).where(songs.c.id == check_id("song", song_id)))
    if row is None:
        raise NotFound(sentence("The song must be in the library", repr(song_id), "Choose one from the list."))
    return _song(row)


def songs_of(ids: Sequence[str]) -> list[Song]:
    """Those of `ids` that are in the library, in the order of `ids`."""
    found = {row["id"]: row for row in _rows(ids)}
    return [_song(found[song_id]) for song_id in ids if song_id in found]


def rename_song(song_id: str, name: str) -> Song:
    """Give a song another name (cleaned for display). Raises NotFound, InvalidInput for a name without a letter."""
    shown = clean_name(name)
    if not shown:
        raise InvalidInput(sentence("A song's name must have at least one visible character", repr(name[:80])))
    database.change(sa.update(songs).where(songs.c.id == check_id("song", song_id)).values(name=shown))
    return get_song(song_id)


def state_rights(ids: Sequence[str], text: str, *, only_missing: bool = False) -> None:
    """Keep what the user says about the rights to these songs; an empty text removes it.

    Args:
        only_missing: leave songs alone for which something is stated. Ids that are not in the library are ignored.
    """
    words = clean_lines(text)
    for start in range(0, len(ids), MANY):
        chosen = sa.update(songs).where(songs.c.id.in_(ids[start : start + MANY]))
        if only_missing:
            chosen = chosen.where(sa.func.coalesce(songs.c.rights, "") == "")
        database.change(chosen.values(rights=words))


def stated_rights(ids: Sequence[str]) -> dict[str, str]:
    """id → what is stated about its rights, for those of `ids` that are in the library; "" if nothing."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), MANY):
        chosen = sa.select(songs.c.id, songs.c.rights).where(songs.c.id.in_(ids[start : start + MANY]))
        found |= {song_id: rights or "" for song_id, rights in database.tuples(chosen)}
    return found


def remove_song(song_id: str) -> None:
    """Remove a song from the library: first its row, then its files. Runs that were trained on it keep working."""
    song = get_song(song_id)

    def remove() -> None:
        with Workplace() as place, place.moving([(song.id, song.sha256)], discard):
            database.change(sa.delete(songs).where(songs.c.id == song.id))
            discard(song.id, song.sha256)

    at_last(remove)  # on a full disk, too: that is how room is made


def discard(song_id: str, sha256: str) -> None:
    """Remove folder and blob if no row refers to them."""
    with write_lock() as connection:
        is_gone = connection.execute(sa.select(songs.c.id).where(songs.c.id == song_id)).first() is None
        if _find(connection, sha256) is None:
            blob_path(sha256).unlink(missing_ok=True)
    if is_gone:
        shutil.rmtree(song_folder(song_id), ignore_errors=True)


@contextmanager
def write_lock() -> Iterator[sa.Connection]:
    """A transaction during which nobody else adds or removes songs, as in every transaction that may write."""
    with database.engine().begin() as connection:
        yield connection


def known_contents(hashes: Iterable[str]) -> dict[str, Song]:
    """sha256 → song, for the contents that the library already has, files included."""
    wanted = list(dict.fromkeys(hashes))
    rows: list[dict[str, Any]] = []
    for start in range(0, len(wanted), MANY):
        rows += database.every(sa.select(songs).where(songs.c.sha256.in_(wanted[start : start + MANY])))
    known = (_song(row) for row in rows)
    return {song.sha256: song for song in known if song.folder.is_dir() and blob_path(song.sha256).is_file()}


def publish(new: Sequence[NewSong], place: Workplace) -> list[tuple[str, bool]]:
    """Publish the songs in `place`, all or none; returns each song's id and whether it is new.

    Content that is in the library by now stays the same song; any of its files that were lost are restored.

    Raises OSError or a database error if the disk or the database fails."""
    sync_tree([path for song in new for path in (song.folder, song.blob)])
    ids = [new_id("song") for _ in new]
    moves = [(song_id, song.sha256) for song_id, song in zip(ids, new, strict=True)]
    root = home()
    with place.moving(moves, discard), write_lock() as connection:
        known = _ids_of(connection, [song.sha256 for song in new])
        rows = [_row(song_id, song) for song_id, song in zip(ids, new, strict=True) if song.sha256 not in known]
        if rows:
            connection.execute(sa.insert(songs), rows)
        changed: set[Path] = set()
        for song_id, song in zip(ids, new, strict=True):
            shown_id = known.get(song.sha256, song_id)
            targets = (song_folder(shown_id, root), blob_path(song.sha256, root))
            for source, target in zip((song.folder, song.blob), targets, strict=True):
                if shown_id == song_id or not target.exists():
                    changed |= _move(source, target)
        sync_folders(list(changed))
    return [(known.get(song.sha256, song_id), song.sha256 not in known) for song_id, song in zip(ids, new, strict=True)]


def _song(row: dict[str, Any]) -> Song:
    return Song(**{**row, "rights": row["rights"] or ""})  # None in a record of an earlier version


def _row(song_id: str, song: NewSong) -> dict[str, Any]:
    columns = {name: getattr(song, name) for name in _COLUMNS}
    return columns | {"id": song_id, "report": song.report | {"id": song_id}}


def _ids_of(connection: sa.Connection, hashes: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(hashes), MANY):
        chosen = sa.select(songs.c.sha256, songs.c.id).where(songs.c.sha256.in_(hashes[start : start + MANY]))
        found |= {row.sha256: row.id for row in connection.execute(chosen)}
    return found


def _find(connection: sa.Connection, sha256: str) -> str | None:
    return connection.execute(sa.select(songs.c.id).where(songs.c.sha256 == sha256)).scalar()


def _move(source: Path, target: Path) -> set[Path]:
    """Rename; returns the folders to sync: that of `target` and, if it is new, those above it."""
    try:
        os.replace(source, target)
        return {target.parent}
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.replace(source, target)
        return {target.parent, target.parent.parent, target.parent.parent.parent}


def _of(medium: str | None, statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement if medium is None else statement.where(songs.c.medium == medium)


def _matching_ids(search: str, medium: str | None, order: str) -> list[str]:
    """Sorted ids. Names are compared here, because every database folds and sorts letters in its own way."""
    words = _folded(search).split()
    statement = _of(medium, sa.select(songs.c.id, songs.c.name)).order_by(*ORDERS[order])
    named = [(_folded(name), song_id) for song_id, name in database.tuples(statement)]
    found = [each for each in named if all(word in each[0] for word in words)]
    if order == BY_NAME:
        found.sort(key=itemgetter(0))
    return [song_id for _, song_id in found]


def _rows(ids: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), MANY):
        found += database.every(sa.select(songs).where(songs.c.id.in_(ids[start : start + MANY])))
    return found


def _folded(text: str) -> str:
    """For comparison: without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
