"""One process that is kept ready, as the supervisor sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.runs import identity
from musicgen.runs.warm_protocol import Lines, OddMessage, to_line

LOADING_SECONDS = 120.0
DYING_SECONDS = 10.0
BEGINNING_SECONDS = 20.0  # how long one that has loaded everything may take to begin a task


class ReadyProcess:
    """A spare (`run_id` is empty) or a warm worker. `task_id` is empty while it waits.

    Attributes:
        environment, stamp: it may only take a task whose worker would be started with the same ones.
        since: when it was started or finished its last task, by a steady clock.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], environment: Mapping[str, str], stamp: str, device: str = ""
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.environment, self.stamp, self.device = process, environment, stamp, device
        self._sink, self._lines = process.stdin, Lines(process.stdout.fileno())
        self.since = time.monotonic()
        self.has_loaded = self.rehearses = False
        self.rehearsed: list[str] = []  # names of trainings
        self.task_id = self.run_id = ""

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def descriptor(self) -> int | None:
        """Of the pipe on which it reports; None once that has ended."""
        return self._lines.descriptor if self._lines.is_open else None

    @property
    def waits(self) -> bool:
        return not self.task_id

    def seconds_to_begin(self) -> float:
        return BEGINNING_SECONDS if self.has_loaded and not self.rehearses else LOADING_SECONDS

    def listen(self) -> None:
        """Take note of what it said. Raises OddMessage for what it should not say now."""
        while (message := self._lines.next(0.0)) is not None:
            if "ready" in message and not self.has_loaded:
                self.has_loaded = True
            elif "rehearsed" in message and self.rehearses:
                self.rehearses = False
            elif "resting" in message and self.task_id and message["resting"] == self.task_id:
                self.task_id, self.since = "", time.monotonic()
            else:
                raise OddMessage(f"{message} from process {self.process.pid}")

    def give(self, task: Mapping[str, Any], fence: str, console: Path) -> None:
        """Hand it a task. Raises OSError if it is gone, OddMessage."""
        line = to_line({"task": task["id"], "fence": fence, "console": str(console)})
        self.task_id, self.run_id = task["id"], task["run_id"]
        os.write(self._sink.fileno(), line)

    def rehearse(self, name: str) -> None:
        """Let it rehearse the training that is expected. Raises OSError if it is gone."""
        self.rehearses = True
        self.rehearsed.append(name)
        os.write(self._sink.fileno(), to_line({"rehearse": name}))

    def end(self) -> None:
        """Kill it with all that it started. Only while it waits: nothing is lost then."""
        if self.is_alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)  # it leads a session of its own
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(DYING_SECONDS)
        self.let_go()

    def let_go(self) -> None:
        """Close the pipes: it ends when it has nothing to do any more."""
        for pipe in (self._sink, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def to_json(self) -> dict[str, Any]:
        """For people."""
        pid = self.process.pid
        told = {"pid": pid, "started": identity.started(pid), "run_id": self.run_id, "task_id": self.task_id}
        return told | {"rehearsed": self.rehearsed[-1] if self.rehearsed and not self.rehearses else ""}
