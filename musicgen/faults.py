"""What the machine did wrong, in words: a full disk, a file that may not be written, a path that is too long.

Nothing is caught where it happens. An OSError goes up to one of four boundaries, the command line, a page, a child
process or a worker, and each of them asks here: a sentence for the user, or None, which means a bug of ours. (For
errors of the record, storage.record_faults is the same gate.) Standard library only.
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
# NumPy knows no error numbers: a file of its own that did not take all of an array means a full disk.
SHORT_WRITE = re.compile(r"^\d+ requested and \d+ written$")
CHAIN = 12  # errors that were raised while another one was handled
SHOWN_CHARACTERS = 200

MAKE_ROOM = "Make room on the disk and try again. What was stored before is as it was."


def in_words(error: BaseException) -> MusicgenError | None:
    """The error for the user; None for a bug of ours.

    A fault of the disk is looked for in all that went wrong: closing a file on a full disk fails as well, and that
    second error, which may say something else, is the one that arrives."""
    if isinstance(error, MusicgenError):
        return error
    for each in _chain(error):
        if isinstance(each, StorageUnavailable):
            return each
        if isinstance(each, OSError) and (told := _disk(each)) is not None:
            return told
    return _other(error) if isinstance(error, OSError) else None


def is_storage_fault(error: BaseException) -> bool:
    """Whether the disk, or what may be done with it, stopped the work: it can go on later as if nothing were."""
    told = in_words(error)
    return isinstance(told, StorageUnavailable) or getattr(told, "code", "") == "disk_full"


def disk_full(what: str, error: OSError) -> StorageUnavailable:
    """For a place that can say `what` was to be written: a rule, such as “A clip is stored whole”."""
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
    """A fault of the disk itself, or of the rights on it."""
    received = _received(error)
    if is_full(error):
        return StorageUnavailable(
            sentence("There is room on the disk for what is written", received, MAKE_ROOM), code="disk_full"
        )
    if error.errno in FAILING:
        remedy = "Check the disk, or set MUSICGEN_HOME to a copy of the folder on another one."
        return StorageUnavailable(sentence("The disk can be read and written", received, remedy), code="disk_error")
    if error.errno in FORBIDDEN and _where(error):
        remedy = "Change the rights on it, or set MUSICGEN_HOME to a folder of your own."
        rule = "The program may read and write the files that it works with"
        return StorageUnavailable(sentence(rule, received, remedy), code="not_allowed")
    if error.errno == errno.ENOENT and "temporary director" in str(error.strerror):
        remedy = "Make room there, or set TMPDIR to a folder on a larger disk."
        rule = "There is a folder for temporary files, with room in it"
        return StorageUnavailable(sentence(rule, str(error.strerror)[:SHOWN_CHARACTERS], remedy), code="disk_full")
    return None


def _other(error: OSError) -> MusicgenError | None:
    if error.errno == errno.ENAMETOOLONG:
        length = len(os.fsencode(error.filename)) if isinstance(error.filename, (str, bytes)) else 0
        received = f"one of {length:,} bytes" if length else error.strerror
        rule = "A path has at most 4,096 bytes, and each name in it 255"
        return InvalidInput(sentence(rule, received, "Use a shorter one."), code="path_too_long")
    if error.errno in EXHAUSTED:
        remedy = "Close other programs, or raise the limits of this one, and try again."
        rule = "The system has memory, processes and open files left for the work"
        return ResourceUnavailable(sentence(rule, _received(error), remedy), code="exhausted")
    if error.errno is not None and _where(error):
        remedy = "Move what is in the way, or bring back what is missing. All else works as before."
        rule = "A file that the work needs can be opened"
        return ResourceUnavailable(sentence(rule, _received(error), remedy), code="file")
    return None


def _received(error: OSError) -> str:
    text = os.strerror(errno.ENOSPC) if error.errno is None and is_full(error) else error.strerror
    text = (text or str(error) or type(error).__name__).rstrip(".")
    where = _where(error)
    return f"{text} ({where})" if where else text


def _where(error: OSError) -> str:
    """The path that the system complained of, shortened from the front; of a renaming, what it should have become."""
    named = error.filename if error.filename2 is None else error.filename2
    if not isinstance(named, (str, bytes)):
        return ""
    path = os.fsdecode(named)
    return path if len(path) <= SHOWN_CHARACTERS else f"…{path[-SHOWN_CHARACTERS:]}"
