"""Faults of the machine in words: a full disk, a file without write permission, a path that is too long.

An OSError is not caught where it happens. It goes up to one of four boundaries (the command line, a page, a child
process, a worker). Each calls `in_words`: a sentence for the user, or None, which means a bug of ours.
(storage.record_faults does the same for the record.) Standard library only.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from musicgen.errors import InvalidInput, MusicgenError, ResourceUnavailable, StorageUnavailable, sentence

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
FAILING = frozenset((errno.EIO, errno.ENXIO, errno.ENODEV, getattr(errno, "ESTALE", errno.EIO)))
FORBIDDEN = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))
# NumPy gives no error number: if only part of an array was written, the disk is full.
SHORT_WRITE = re.compile(r"^\d+ requested and \d+ written$")
CHAIN = 12  # errors raised while handling another one, at most
SHOWN_CHARACTERS = 200

MAKE_ROOM = "Make room on the disk and try again. What was stored before is unchanged."


def in_words(error: BaseException) -> MusicgenError | None:
    """The error for the user; None for a bug of ours.

    The whole chain of errors is searched for a fault of the disk: closing a file on a full disk fails as well, and that
    second error, perhaps a different one, is the one that arrives here."""
    if isinstance(error, MusicgenError):
        return error
    for each in _chain(error):
        if isinstance(each, StorageUnavailable):
            return each
        if isinstance(each, OSError) and (told := _disk(each)) is not None:
            return told
        if type(each).__name__ == "ResourceExhaustedError" and os.strerror(errno.ENOSPC) in str(each):
            return _full(os.strerror(errno.ENOSPC))  # TensorFlow's own, for what its compiler writes
    return _other(error) if isinstance(error, OSError) else None


def is_storage_fault(error: BaseException) -> bool:
    """Whether the disk or its permissions stopped the work, so that it can simply go on later."""
    told = in_words(error)
    return isinstance(told, StorageUnavailable) or getattr(told, "code", "") == "disk_full"


def disk_full(what: str, error: OSError) -> StorageUnavailable:
    """The error for a caller that knows `what` was being written, as a rule: “A clip must be stored completely”."""
    remedy = "Make room on the disk and try again."
    return StorageUnavailable(sentence(what, _received(error), remedy), code="disk_full")


def is_full(error: OSError) -> bool:
    return error.errno in FULL or bool(error.errno is None and SHORT_WRITE.match(str(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _disk(error: OSError) -> StorageUnavailable | None:
    """A fault of the disk itself, or of its permissions."""
    received = _received(error)
    if is_full(error):
        return _full(received)
    if error.errno in FAILING:
        remedy = "Check the disk, or set MUSICGEN_HOME to a copy of the folder on another disk."
        return StorageUnavailable(sentence("The disk must read and write", received, remedy), code="disk_error")
    if error.errno in FORBIDDEN and _where(error):
        remedy = "Change its permissions, or set MUSICGEN_HOME to a folder of your own."
        rule = "The program needs permission to read and write its files"
        return StorageUnavailable(sentence(rule, received, remedy), code="not_allowed")
    if error.errno == errno.ENOENT and "temporary director" in str(error.strerror):
        remedy = "Make room there, or set TMPDIR to a folder on a larger disk."
        rule = "The program needs a folder for temporary files, with room in it"
        return StorageUnavailable(sentence(rule, str(error.strerror)[:SHOWN_CHARACTERS], remedy), code="disk_full")
    return None


def _full(received: str) -> StorageUnavailable:
    return StorageUnavailable(sentence("Writing needs room on the disk", received, MAKE_ROOM), code="disk_full")


def _other(error: OSError) -> MusicgenError | None:
    if error.errno == errno.ENAMETOOLONG:
        length = len(os.fsencode(error.filename)) if isinstance(error.filename, (str, bytes)) else 0
        received = f"one of {length:,} bytes" if length else error.strerror
        rule = "A path has at most 4,096 bytes, and each name in it 255"
        return InvalidInput(sentence(rule, received, "Use a shorter one."), code="path_too_long")
    if error.errno in EXHAUSTED:
        remedy = "Close other programs, or raise the limits of this one, and try again."
        rule = "The system must have memory, processes and open files left for the work"
        return ResourceUnavailable(sentence(rule, _received(error), remedy), code="exhausted")
    if error.errno is not None and _where(error):
        remedy = "Move what is in the way, or restore what is missing. Everything else works as before."
        rule = "The files that the work needs must open"
        return ResourceUnavailable(sentence(rule, _received(error), remedy), code="file")
    return None


def _received(error: OSError) -> str:
    text = os.strerror(errno.ENOSPC) if error.errno is None and is_full(error) else error.strerror
    text = (text or str(error) or type(error).__name__).rstrip(".")
    where = _where(error)
    return f"{text} ({where})" if where else text


def _where(error: OSError) -> str:
    """The path in the error, shortened from the front; for a rename, the new path."""
    named = error.filename if error.filename2 is None else error.filename2
    if not isinstance(named, (str, bytes)):
        return ""
    path = os.fsdecode(named)
    return path if len(path) <= SHOWN_CHARACTERS else f"…{path[-SHOWN_CHARACTERS:]}"
