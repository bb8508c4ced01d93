"""What the command line prints to: a terminal, a pipe, a file; perhaps one on a full disk, or one for ASCII only.

Results go to stdout: whatever of them cannot be written is an error. What is said on the way goes to stderr: it may be
lost, and the work goes on.
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

PROBE = "é♯“”…─"  # of names of songs, of our sentences and of tables
ESCAPED = "musicgen.escaped"  # what to do with other letters: escape them, and remember

_has_escaped = False


class _Forgiving(io.TextIOWrapper):
    """Forgets what cannot be written."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().flush()


class _Telling(io.TextIOWrapper):
    """Raises a sentence where something cannot be written."""

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
        raise  # whoever read it has seen enough
    except OSError as error:
        rule, remedy = "Results are printed whole", "Print to where there is room. What was done before that is done."
        text = sentence(rule, f"{error.strerror or error} (standard output)", remedy)
        raise StorageUnavailable(text, code="output_full") from error


def prepare() -> None:
    """Make both streams take every letter, stdout say what goes wrong with it, and stderr bear anything at all."""
    codecs.register_error(ESCAPED, _escape)
    sys.stdout = _remade(sys.stdout, _Telling, 1)
    sys.stderr = _remade(sys.stderr, _Forgiving, 2)


def _remade(stream: TextIO, kind: type[io.TextIOWrapper], number: int) -> TextIO:
    """The stream of this number as one of our own kind; any other is left as it is."""
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
    """Whether other letters than those of English can be printed to it."""
    try:
        PROBE.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def print_bytes(content: bytes) -> None:
    """Bytes on stdout as they are. Raises StorageUnavailable where they cannot be written."""
    rest = memoryview(content)
    with _told():
        while rest:  # a stream without a buffer takes as much as it can
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def finish() -> None:
    """Have all that was printed written. Raises StorageUnavailable where it cannot be."""
    if sys.stdout is not None:
        sys.stdout.flush()


def remark() -> None:
    """Say so, where letters had to be escaped."""
    if _has_escaped:
        encoding = getattr(sys.stdout, "encoding", "") or "its own letters"
        rule = "Names and sentences are printed in any letters"
        remedy = "Other letters were printed as codes. Set PYTHONIOENCODING=utf-8."
        print(sentence(rule, f"an output that knows only {encoding}", remedy), file=sys.stderr)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    global _has_escaped
    _has_escaped = True
    return codecs.backslashreplace_errors(error)


def let_go() -> None:
    """Print what cannot be written into nothing: Python would complain once more at the end, in its own words."""
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
