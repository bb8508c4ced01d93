"""The two sides of a process that is kept ready: JSON lines over its standard input and output.

    supervisor → process   {"task", "fence", "console"}: do this task. Then, or at the end of the input: end.
                           {"rehearse": name}: rehearse the training that is expected, if no task comes before.
    process → supervisor   {"ready"}: everything is loaded. {"resting": task}: done, the networks stay loaded.
                           {"rehearsed": name}: done with it, whatever came of it.

A line is shorter than what a pipe takes in one piece, so it arrives whole or not at all. Whatever else arrives is
odd, and the process is given up. Standard library only.
"""

from __future__ import annotations

import json
import os
import select
from typing import Any

MAX_LINE = 4096  # bytes that a pipe takes in one piece (PIPE_BUF on Linux; macOS: 512 for more than one writer)


class OddMessage(ValueError):
    """The other side does not speak this protocol."""


def to_line(message: dict[str, Any]) -> bytes:
    """Raises OddMessage if it is too long."""
    line = json.dumps(message).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise OddMessage(f"a message of {len(line)} bytes")
    return line


class Lines:
    """Reads messages from a pipe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_open = True
        self._rest = b""

    def has_next(self) -> bool:
        """Whether a message, or the end, can be read without waiting."""
        return b"\n" in self._rest or not self.is_open or bool(select.select([self.descriptor], [], [], 0.0)[0])

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None after `seconds` without one, or at the end of the pipe (`is_open` is then False).

        Raises OddMessage."""
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_LINE:
                raise OddMessage("a line without an end")
            if not self.is_open or not select.select([self.descriptor], [], [], max(seconds, 0.0))[0]:
                return None
            piece = os.read(self.descriptor, MAX_LINE)
            self.is_open = bool(piece)
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        try:
            message = json.loads(line)
        except ValueError as error:
            raise OddMessage(f"no JSON: {line[:100]!r}") from error
        if not isinstance(message, dict):
            raise OddMessage(f"no object: {line[:100]!r}")
        return message
