"""The child's side of processes.py: takes over the streams, sets the limits, answers in JSON lines.

Every child starts as `python -m musicgen.child MODULE LIMITS`. Before MODULE and its imports run as `__main__`:
standard output becomes standard error, so that nothing a library prints can be taken for an answer; resource limits
are set; and once the payload is read, stdin is watched, so that a child never outlives its parent.
Standard library only.
"""

from __future__ import annotations

import json
import os
import queue
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from musicgen import errors
from musicgen.errors import MusicgenError, ResourceUnavailable, sentence
from musicgen.faults import in_words

try:
    import resource
except ImportError:  # Windows has no rlimits; the parent's time limit remains
    resource = None  # type: ignore[assignment]

MB = 1 << 20

_source: BinaryIO | None = None  # the payload, then watched for the parent's end
_sink: BinaryIO | None = None  # messages to the parent
_is_supervised = False
_sending = threading.Lock()


def start_module(module: str, limits: str) -> None:
    """Limit this process, then run `module` as `python -m` would. `limits`: JSON arguments of `set_limits`."""
    global _is_supervised
    _is_supervised = True
    _take_streams()
    with _reporting_errors():
        set_limits(**json.loads(limits))
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def child_main(function: Callable[[dict[str, Any]], Any]) -> None:
    """The body of a child module's `__main__`: payload → `function` → result (JSON). Errors are sent as sentences.

    Also works by hand: `echo '{}' | python -m musicgen.songs.reading`."""
    source, _ = _take_streams()
    with _reporting_errors():
        payload = json.loads(_read_line(source))
        if _is_supervised:
            threading.Thread(target=_end_with_parent, args=(source,), daemon=True).start()
        send_line({"result": function(payload)})


def child_serving(function: Callable[[dict[str, Any]], Any], stays: Callable[[float], bool], seconds: float) -> None:
    """The body of a child that stays: every line of its input is a payload and gets one result or error.

    `stays` is called with the seconds since the last answer: after each one, and then every `seconds`. The child ends
    when it says no, and like every child at the end of its input, whatever it is doing."""
    source, _ = _take_streams()
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_queue_lines, args=(source, lines), daemon=True).start()
    answered_at = time.monotonic()
    while stays(time.monotonic() - answered_at):
        try:
            line = lines.get(timeout=seconds)
        except queue.Empty:
            continue
        if line is None:
            return
        with _reporting_errors():
            send_line({"result": function(json.loads(line))})
        answered_at = time.monotonic()


def send_line(message: Mapping[str, Any]) -> None:
    """Send one message to the parent, from any thread. NaN is refused with ValueError: it is not JSON."""
    line = json.dumps(message, allow_nan=False).encode() + b"\n"
    _, sink = _take_streams()
    with _sending:
        sink.write(line)
        sink.flush()


def set_limits(*, memory_mb: int | None = None, cpu_seconds: float | None = None, file_mb: int | None = None) -> None:
    """Limit address space, processor time from now on, and the size of any file written; disable core dumps.

    Only the soft processor limit is set, so that a child with several pieces of work can renew it.
    Writing past `file_mb` raises OSError (EFBIG): Python ignores the signal."""
    if resource is None:
        return
    _limit(resource.RLIMIT_CORE, 0)
    if memory_mb is not None:
        _limit(resource.RLIMIT_AS, memory_mb * MB)
    if file_mb is not None:
        _limit(resource.RLIMIT_FSIZE, file_mb * MB)
    if cpu_seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_seconds) + 1)


def error_to_json(error: MusicgenError | errors.Cancelled) -> dict[str, Any]:
    """An error as JSON; its class is named by the nearest ancestor in errors.py. Inverse: `error_from_json`."""
    name = next(kind.__name__ for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
    document = {"type": name, "code": getattr(error, "code", ""), "message": str(error)}
    return document | ({"advice": error.advice} if isinstance(error, errors.TrainingFailed) else {})


def error_from_json(document: Mapping[str, Any]) -> MusicgenError | errors.Cancelled | None:
    """The error that a child described; None if it is not one of ours, which means a bug."""
    kind = getattr(errors, str(document.get("type")), None)
    message = str(document.get("message", ""))
    if kind is errors.Cancelled:
        return errors.Cancelled(message)
    if not (isinstance(kind, type) and issubclass(kind, MusicgenError)):
        return None
    extra = {"advice": document["advice"]} if issubclass(kind, errors.TrainingFailed) and "advice" in document else {}
    return kind(message, code=str(document.get("code", "")), **extra)


def _limit(which: int, value: int) -> None:
    try:
        _, hard = resource.getrlimit(which)
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ValueError, OSError) as problem:  # macOS refuses some; the parent's time limit remains
        print(f"limit {which} not set: {problem}", file=sys.stderr)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for messages: others read an empty stdin, and what they print goes to stderr."""
    global _source, _sink
    if _source is None or _sink is None:
        # Unbuffered: a buffered reader that blocks in a thread aborts the interpreter when it shuts down.
        _source, _sink = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
    return _source, _sink


def _read_line(source: BinaryIO) -> bytes:
    """The payload: one line and nothing after it. Read in pieces, because raw files read lines byte by byte."""
    pieces: list[bytes] = []
    while not (pieces and pieces[-1].endswith(b"\n")) and (piece := source.read(1 << 16)):
        pieces.append(piece)
    return b"".join(pieces)


def _end_with_parent(source: BinaryIO) -> None:
    while source.read(1):
        pass
    _end_session()


def _queue_lines(source: BinaryIO, lines: queue.SimpleQueue[bytes | None]) -> None:
    rest = b""
    while piece := source.read(1 << 16):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            lines.put(line)
    if _is_supervised:
        _end_session()
    lines.put(None)


def _end_session() -> None:
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)  # this process leads a session of its own, so this also ends what it started
    os._exit(1)


@contextmanager
def _reporting_errors() -> Iterator[None]:
    try:
        yield
    except (MusicgenError, errors.Cancelled) as error:
        send_line({"error": error_to_json(error)})
    except MemoryError:
        traceback.print_exc()
        rule = "The work must fit into the memory that it is given"
        message = sentence(rule, "more than that", "Try with less music.")
        send_line({"error": error_to_json(ResourceUnavailable(message, code="out_of_memory"))})
    except Exception as error:  # the boundary of the process: the parent would not see it otherwise
        told = in_words(error)
        bug = {"type": "", "code": "bug", "message": traceback.format_exc()}
        send_line({"error": bug if told is None else error_to_json(told)})


if __name__ == "__main__":
    # This file runs as `__main__`; others import it a second time as musicgen.child, and the state lives in that copy.
    from musicgen.child import start_module as start

    start(*sys.argv[1:])
