"""The output of the command line: a terminal, a pipe or a file, perhaps on a full disk, perhaps for ASCII only.

Results go to stdout: if they cannot be written, that is an error. Progress goes to stderr: if it cannot be written,
the work goes on.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from musicgen.errors import StorageUnavailable, sentence

PROBE = "é♯“”…─"  # found in names of songs, in our sentences and in tables
ESCAPED = "musicgen.escaped"  # the error handler: escapes letters that the encoding lacks, and remembers that it did

_has_escaped = False


class _Forgiving(io.TextIOWrapper):
    """Ignores what cannot be written."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().flush()


class _Telling(io.TextIOWrapper):
    """Raises StorageUnavailable if something cannot be written."""

    def write(self, text: str) -> int:
        with _told():
            return super().write(text)

    def flush(self) -> None:
        with _told():
            super().flush()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # the reader closed the pipe
    except OSError as error:
        rule, remedy = "Results must be printed completely", "Print to a disk with room. The work itself is done."
        text = sentence(rule, f"{error.strerror or error} (standard output)", remedy)
        raise StorageUnavailable(text, code="output_full") from error


def prepare() -> None:
    """Make both streams accept every letter, stdout report write errors, and stderr ignore them."""
    codecs.register_error(ESCAPED, _escape)
    sys.stdout = _remade(sys.stdout, _Telling, 1)
    sys.stderr = _remade(sys.stderr, _Forgiving, 2)


def _remade(stream: TextIO, kind: type[io.TextIOWrapper], number: int) -> TextIO:
    """Wrap the stream if it has this number; leave any other as it is."""
    if isinstance(stream, kind) or not isinstance(stream, io.TextIOWrapper) or _number(stream) != number:
        return stream
    errors = stream.errors if knows_letters(stream) else ESCAPED
    if number == 1 and not stream.write_through:
        made = kind(stream.buffer, encoding=stream.encoding, errors=errors, line_buffering=stream.line_buffering)
    else:
        raw = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115 (for as long as the process lives)
        made = kind(raw, encoding=stream.encoding, errors=errors, write_through=True)  # type: ignore[arg-type]
    return made


def knows_letters(stream: TextIO | None) -> bool:
    """Whether letters beyond English ones can be printed to it."""
    try:
        PROBE.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def print_bytes(content: bytes) -> None:
    """Bytes on stdout as they are. Raises StorageUnavailable where they cannot be written."""
    rest = memoryview(content)
    with _told():
        while rest:  # an unbuffered stream may take only part of it
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def finish() -> None:
    """Write out everything printed so far. Raises StorageUnavailable if that fails."""
    if sys.stdout is not None:
        sys.stdout.flush()


def remark() -> None:
    """Print a note if letters had to be escaped."""
    if _has_escaped:
        encoding = getattr(sys.stdout, "encoding", "") or "unknown letters"
        rule = "Output needs an encoding that has all letters"
        remedy = "Other letters were printed as codes. Set PYTHONIOENCODING=utf-8."
        print(sentence(rule, f"one for {encoding} only", remedy), file=sys.stderr)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    global _has_escaped
    _has_escaped = True
    return codecs.backslashreplace_errors(error)


def let_go() -> None:
    """Redirect what cannot be written to nowhere, or Python would report it again at exit."""
    with contextlib.suppress(ValueError):
        try:
            finish()
            return
        except (OSError, StorageUnavailable):
            pass
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
        finish()


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
