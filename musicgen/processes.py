"""Work in a process of its own: if the child hangs, crashes or takes too much memory, its parent gets one sentence.

    parent   run_child("musicgen.songs.reading", payload, seconds=90)   → the child's result, or its MusicgenError
    child    if __name__ == "__main__": child_main(function)            payload → result; `send_line` on the way

A child that stays (`child_serving`) is a `Child` that is asked again and again: `ask`, then `answer`.

Both speak JSON lines: the payload on stdin, then on stdout any number of messages and one last `{"result": …}` or
`{"error": {type, code, message}}`. Knows no music and imports nothing heavy. child.py is the other side.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import musicgen
from musicgen.child import child_main, child_serving, error_from_json, send_line, set_limits
from musicgen.errors import ResourceUnavailable, sentence
from musicgen.settings import home, settings

__all__ = [
    "ROOT", "Child", "ChildError", "child_environment", "child_main", "child_serving", "run_child", "send_line",
    "set_limits",
]  # fmt: skip

ROOT = Path(musicgen.__file__).resolve().parent.parent
ALLOWED_NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    )
)
ALLOWED_PREFIXES = (
    *("MUSICGEN_", "LC_", "XDG_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "TF_", "XLA_", "KERAS_", "JAX_"),
    *("OMP_", "OPENBLAS_", "MKL_", "NUMBA_"),
)
TAIL_BYTES = 16_384  # of stderr, kept to explain a crash
ENDING_SECONDS = 10.0  # how long a child may take to exit after its result

log = logging.getLogger(__name__)


class ChildError(RuntimeError):
    """A child raised an error that no user can fix: our bug. The text is its traceback."""


class Child:
    """A running child process. However the `with` block ends, the child and all that it started end too.

    Args:
        module: run as `python -m` would, from the checkout's root; it calls `child_main`.
        payload: JSON; None for a child that stays and will be asked.
        memory_mb: address space (None for processes that load TensorFlow or use CUDA).
        cpu_seconds: processor time. file_mb: size of any one file it writes. None: no such limit.
        environment: changes to `child_environment`.
    """

    def __init__(
        self,
        module: str,
        payload: Mapping[str, Any] | None,
        *,
        memory_mb: int | None = None,
        cpu_seconds: float | None = None,
        file_mb: int | None = None,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        limits = {"memory_mb": memory_mb, "cpu_seconds": cpu_seconds, "file_mb": file_mb}
        content = b"" if payload is None else _line(payload)
        self.module = module
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._tail = bytearray()
        self._has_answered = False
        self._ending = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "musicgen.child", module, json.dumps(limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=child_environment(environment),
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._streams: list[IO[bytes]] = [stream for stream in streams if stream is not None]  # all three: pipes
        self._threads = [
            threading.Thread(target=self._feed, args=(self._streams[0], content), daemon=True),
            threading.Thread(target=self._listen, args=(self._streams[1],), daemon=True),
            threading.Thread(target=self._keep_tail, args=(self._streams[2],), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None once the child has ended. Raises TimeoutError when `seconds` pass without either."""
        try:
            line = self._lines.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            raise TimeoutError(f"{self.module} sent nothing for {seconds:g} s") from None
        try:
            message = None if line is None else json.loads(line)
        except ValueError:  # the child died in the middle of a line
            message = None
        self._has_answered = message is None or "result" in message or "error" in message
        return message

    def answer(self, seconds: float, on_line: Callable[[dict[str, Any]], None] | None = None) -> Any:
        """The result of what it was asked, within `seconds`; see `run_child` for what is raised."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self.receive(deadline - time.monotonic())
            except TimeoutError:
                rule = f"{self.module} must finish within {seconds:g} s"
                remedy = "Try again when the machine is less busy, or with less music."
                raise ResourceUnavailable(sentence(rule, "no result in that time", remedy), code="timeout") from None
            if message is None:
                raise self.crash()
            if "error" in message:
                raise error_from_json(message["error"]) or ChildError(message["error"]["message"])
            if "result" in message:
                return message["result"]
            if on_line is not None:
                on_line(message)

    def ask(self, payload: Mapping[str, Any]) -> None:
        """Send a further payload to a child that stays (`child_serving`). Raises OSError if it is gone."""
        self._threads[0].join()  # the one before is written
        self._has_answered = False
        self._streams[0].write(_line(payload))
        self._streams[0].flush()

    @property
    def is_alive(self) -> bool:
        """Whether it still listens. Does not reap it, so that `close` finds everything as it should be."""
        return self._process.returncode is None and self._threads[1].is_alive()

    def close(self) -> int:
        """End the child and its whole session; its exit status (negative: the signal). May be called again."""
        if self._process.returncode is None:
            if self._has_answered:
                self._threads[1].join(ENDING_SECONDS)  # its stdout closes when it ends
            with self._ending:
                self._kill()
                self._process.wait()
            for thread, stream in zip(self._threads, self._streams, strict=True):
                thread.join(1.0)
                if not thread.is_alive():
                    with suppress(OSError):
                        stream.close()
        return int(self._process.returncode)

    def kill(self) -> None:
        """End the child from another thread. The thread that listens to it sees a crash."""
        with self._ending:
            if self._process.returncode is None:
                self._kill()

    def crash(self) -> ResourceUnavailable:
        """The error for a child that has ended without an answer."""
        status = self.close()
        log.warning("%s ended with status %s:\n%s", self.module, status, self._tail.decode(errors="replace"))
        what, code = _describe_status(status)
        rule = "A process must end with a result"
        return ResourceUnavailable(sentence(rule, f"{what} in {self.module}"), code=code)

    def _kill(self) -> None:
        # Called only before the child is reaped: until then its number cannot belong to another process.
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _feed(self, stdin: IO[bytes], content: bytes) -> None:
        with suppress(OSError):  # if the child is gone, `_listen` will notice
            stdin.write(content)
            stdin.flush()

    def _listen(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _keep_tail(self, stderr: IO[bytes]) -> None:
        while piece := os.read(stderr.fileno(), TAIL_BYTES):
            self._tail += piece
            del self._tail[:-TAIL_BYTES]


def run_child(
    module: str,
    payload: Mapping[str, Any],
    *,
    seconds: float,
    on_line: Callable[[dict[str, Any]], None] | None = None,
    memory_mb: int | None = None,
    cpu_seconds: float | None = None,
    file_mb: int | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> Any:
    """Run `module` in a child and return what its function returned (JSON).

    Args:
        seconds: wall clock for all of it.
        on_line: called with every message that the child sends before its result; if it raises, the child is ended.
        module, payload, memory_mb, cpu_seconds, file_mb, environment: see Child.

    Raises:
        MusicgenError: the child's own, same class; or ResourceUnavailable with the code `timeout`, `crashed`,
            `killed`, `cpu_limit` or `out_of_memory` if the child could not report an error itself.
        Cancelled: the child's own.
        ChildError: a bug in the child.
    """
    with Child(
        module, payload, memory_mb=memory_mb, cpu_seconds=cpu_seconds, file_mb=file_mb, environment=environment
    ) as child:
        return child.answer(seconds, on_line)


def child_environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment of a child: the variables on an allow-list, with the paths of the settings made absolute.

    `changes`: name → value to set, or None to remove that variable."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)
    }
    environment["MUSICGEN_HOME"] = str(home())
    if sound_font := settings().sound_font:
        environment["MUSICGEN_SOUND_FONT"] = str(sound_font.expanduser().resolve())
    environment |= {"PYTHONFAULTHANDLER": "1", "PYTHONIOENCODING": "utf-8"}
    for name, value in (changes or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return environment


def _line(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, allow_nan=False).encode() + b"\n"


def _describe_status(status: int) -> tuple[str, str]:
    if status >= 0:
        return f"exit status {status}", "crashed"
    if -status not in {item.value for item in signal.Signals}:
        return f"a crash (signal {-status})", "crashed"
    name = signal.Signals(-status).name
    if name == "SIGKILL":
        return "a kill, probably because memory ran out,", "killed"
    if name == "SIGXCPU":
        return "more processor time than allowed", "cpu_limit"
    return f"a crash ({name})", "crashed"
