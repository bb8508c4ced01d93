"""A temporary folder for one import, in which everything is made before it is published.

It holds a lock while in use, so that `abandoned` can tell the folder of a killed process from one in use, and it
lists what is being moved to or from the library, so that such a move can be finished or undone.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from musicgen import faults
from musicgen.errors import DamagedFile, RejectedFile, ResourceUnavailable, sentence
from musicgen.settings import home, settings
from musicgen.songs.content import HEAD_BYTES
from musicgen.storage.files import CHUNK, check_free_space, damaged, read_json, write_json

try:
    import fcntl
except ImportError:  # Windows: the age alone decides
    fcntl = None  # type: ignore[assignment]

LOCK, MOVES = "lock", "moves"
SECONDS_BETWEEN_LOOKS, BYTES_BETWEEN_LOOKS = 0.25, 16 << 20  # between checks of the free disk space
STARTING_SECONDS = 60.0  # more than enough between making the folder and locking it
UNLOCKABLE_SECONDS = 24 * 3600.0
MB = 1 << 20

MOVED = re.compile(r"^song-[0-9a-f]{12} [0-9a-f]{64}\Z")

Moves = Sequence[tuple[str, str]]  # (song id, sha256)


@dataclass(frozen=True)
class Spooled:
    """Our own copy of an upload: `path`, its content hash, size in bytes and first bytes."""

    path: Path
    sha256: str
    size: int
    head: bytes


class Workplace:
    """`with Workplace() as place:` gives an empty folder `place.folder` on the file system of the library."""

    def __init__(self) -> None:
        self.folder = _root() / f"intake-{uuid.uuid4().hex}"
        self.limits = settings()
        self._room, self._measured = 0, 0.0
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Workplace:
        self.folder.mkdir(parents=True, mode=0o700)
        self._lock = open(self.folder / LOCK, "wb")
        if fcntl is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self

    def __exit__(self, *_exception: object) -> None:
        notes = set(self.folder.glob(f"{MOVES}-*"))
        if self._lock is not None:
            self._lock.close()
        if notes:  # neither finished nor undone, probably because the disk is full: left to `tidying`
            for path in set(self.folder.iterdir()) - notes:
                remove(path)
        else:
            remove(self.folder)

    @contextmanager
    def moving(self, moves: Moves, settle: Callable[[str, str], None]) -> Iterator[None]:
        """Note these (song id, sha256) while the block moves their files. If it fails, `settle` each."""
        note = self.folder / f"{MOVES}-{uuid.uuid4().hex}.json"
        write_json(note, moves)
        try:
            yield
        except BaseException:
            for move in moves:
                settle(*move)
            note.unlink()
            raise
        note.unlink()

    def new_path(self, prefix: str) -> Path:
        return self.folder / f"{prefix}-{uuid.uuid4().hex}"

    def spool(self, source: Path | BinaryIO) -> Spooled:
        """Copy a file or stream here. Raises RejectedFile (not readable, too large) or ResourceUnavailable (disk)."""
        limit = self.limits.max_upload_mb * MB
        if isinstance(source, Path):
            size = _check_file(source, limit)
            try:
                with open(source, "rb", buffering=0) as stream:
                    return self._copy(stream, size, limit)
            except OSError as error:
                raise unreadable(error) from error
        return self._copy(source, _size_ahead(source), limit)

    def make_sure_of_room(self, n_bytes: int) -> None:
        """Raises ResourceUnavailable if the disk has no room for so many bytes. Checks only now and then."""
        if n_bytes > self._room or time.monotonic() - self._measured > SECONDS_BETWEEN_LOOKS:
            self._measured = time.monotonic()
            try:
                check_free_space(n_bytes + BYTES_BETWEEN_LOOKS)
                self._room = n_bytes + BYTES_BETWEEN_LOOKS
            except ResourceUnavailable:
                check_free_space(n_bytes)
                self._room = n_bytes
        self._room -= n_bytes

    def _copy(self, stream: IO[bytes] | BinaryIO, size: int, limit: int) -> Spooled:
        self.make_sure_of_room(size)
        path = self.new_path("upload")
        try:
            return _copy_to(path, stream, limit)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _copy_to(path: Path, stream: IO[bytes] | BinaryIO, limit: int) -> Spooled:
    digest, size, head = hashlib.sha256(), 0, b""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        while chunk := _read(stream):
            size += len(chunk)
            if size > limit:
                raise too_large(f"more than {limit // MB} MB")
            head = head or bytes(chunk[:HEAD_BYTES])
            digest.update(chunk)
            _write(file, chunk)
    return Spooled(path, digest.hexdigest(), size, head)


def _write(file: io.FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise disk_full(error) from error


def too_large(received: object) -> RejectedFile:
    rule = f"A file may have at most {settings().max_upload_mb} MB"
    return RejectedFile(sentence(rule, received, "Split it, or raise MUSICGEN_MAX_UPLOAD_MB."), code="too_large")


def unreadable(error: Exception) -> RejectedFile:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return RejectedFile(
        sentence("A file must be readable to its end", text, "Check it and add it again."), code="unreadable"
    )


def disk_full(error: OSError) -> ResourceUnavailable:
    return faults.disk_full("An upload is stored whole", error)


def abandoned(min_age: float = STARTING_SECONDS) -> Iterator[tuple[Path, Moves]]:
    """Folders of killed processes, untouched for `min_age` seconds, each with its unfinished moves.

    Each is locked while the caller finishes the moves and removes it. Safe while others work."""
    for folder in _root().glob("intake-*"):
        try:
            if time.time() - folder.stat().st_mtime < (min_age if fcntl else max(min_age, UNLOCKABLE_SECONDS)):
                continue
            with open(folder / LOCK, "ab") as lock:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder, [move for note in folder.glob(f"{MOVES}-*") for move in _moves(note)]
        except (OSError, DamagedFile):  # held, or gone in the meantime; or nobody can tell any more what it moved
            continue


def _moves(note: Path) -> Moves:
    """Raises DamagedFile. What it says becomes paths: each word must be what it should."""
    found = read_json(note, [])
    try:
        if not isinstance(found, list):
            raise TypeError("no list")
        moves = [(str(song_id), str(sha256)) for song_id, sha256 in found]
    except (TypeError, ValueError):
        moves = [("", "")]
    if not all(MOVED.match(" ".join(move)) for move in moves):
        raise damaged(note, "holds pairs of a song and its content", found)
    return moves


def remove(path: Path) -> None:
    """Removes a file, or a folder with all its content; it may already be gone."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _root() -> Path:
    return home() / "tmp"


def _check_file(path: Path, limit: int) -> int:
    """The size of a regular file that is not too large. Raises RejectedFile."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    if stat.S_ISDIR(found.st_mode):
        raise RejectedFile(sentence("A song must be a file", "a folder", "Add the files in it."), code="folder")
    if not stat.S_ISREG(found.st_mode):
        raise RejectedFile(sentence("A song must be a file", "a device, pipe or socket"), code="not_a_file")
    if found.st_size > limit:
        raise too_large(f"{found.st_size / MB:,.0f} MB")
    return found.st_size


def _size_ahead(stream: BinaryIO) -> int:
    """Size of a seekable stream, which is rewound to its start; 0 if it cannot seek."""
    with suppress(OSError, ValueError, AttributeError):
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return int(size or 0)
    return 0


def _read(stream: IO[bytes] | BinaryIO) -> bytes:
    try:
        return stream.read(CHUNK)
    except (OSError, ValueError) as error:  # ValueError: a closed stream
        raise unreadable(error) from error
