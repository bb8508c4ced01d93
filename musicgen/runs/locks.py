"""Locks that the kernel releases when their holder dies, however it dies. Knows no runs.

Only these locks tell whether a worker or supervisor lives: no clock, no process number. The lock belongs to an open
file that no child inherits (a forked copy would keep it held), so holders start children by exec only.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.storage.files import damaged

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

RETRY_SECONDS = 0.02
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
HELD = (
    errno.EAGAIN,
    errno.EACCES,
    errno.EDEADLK,
)  # by another process; any other error means that locks do not work here


def _open(path: Path, flags: int) -> int:
    """Raises DamagedFile if a folder, which cannot be locked, is in the way; OSError."""
    try:
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
    except IsADirectoryError as error:
        remedy = "Remove that folder. It holds none of your data. Until then, stored work can only be viewed."
        raise damaged(path, "must be a lock, an empty file", "a folder", remedy) from error


def _lock(descriptor: int, *, exclusive: bool) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        else:
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # after the text, which stays readable
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        if error.errno in HELD:
            return False
        rule, remedy = (
            "The storage folder must be on a disk with file locks",
            "Set MUSICGEN_HOME to a folder on a local disk.",
        )
        raise ResourceUnavailable(sentence(rule, error.strerror or error, remedy), code="no_locks") from error
    return True


def _lock_within(descriptor: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not _lock(descriptor, exclusive=True):
        if time.monotonic() >= deadline:
            return False
        time.sleep(RETRY_SECONDS)
    return True


class FileLock:
    """An exclusive lock on `path`; held from `take` to `release` or to the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, patience: float = 0.25) -> bool:
        """Whether the lock is ours within `patience` seconds. (A process that only checks holds it for a moment.)"""
        if self._descriptor is not None:
            return True
        descriptor = _open(self.path, os.O_RDWR | os.O_CREAT)
        try:
            is_ours = _lock_within(descriptor, patience)
        except ResourceUnavailable:
            os.close(descriptor)
            raise
        if not is_ours:
            os.close(descriptor)
            return False
        with suppress(OSError):  # the lock holds even on a full disk; the number is for people only
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        if not self.take(patience=30.0):
            raise ResourceUnavailable(
                sentence("Only one process at a time may work here", f"{self.path.name} held for 30 s", "Try again."),
                code="locked",
            )
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether any process, including this one, holds the lock on `path` now. Raises DamagedFile for a folder."""
    try:
        descriptor = _open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        descriptor = _open(path, os.O_RDONLY)  # a file that we may only read
    try:
        return not _lock(descriptor, exclusive=False)
    finally:
        os.close(descriptor)


@contextmanager
def held_elsewhere_or_taken(path: Path) -> Iterator[bool]:
    """Yields True if we hold the lock inside the block; False if another process holds it."""
    lock = FileLock(path)
    try:
        yield lock.take(patience=0.0)
    finally:
        lock.release()


def holder(path: Path) -> int | None:
    """Process number of the latest holder: for people and for ending it, never to decide whether it lives."""
    try:
        return int(path.read_text() or 0) or None
    except (OSError, ValueError):
        return None
