"""Lets a process that works in rounds begin its next one at once, when there is something new to do.

A message without content to a socket whose name is that of the storage folder. It leaves no file behind, and nothing
depends on it: where there are no such sockets (they are Linux's own), or nobody listens, the next round comes when it
would have come anyway. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

MANY = 64  # messages that are read at once: all of them ask for the same round


class Alarm:
    """The side that waits. `folder`: of the storage."""

    def __init__(self, folder: Path) -> None:
        self._socket: socket.socket | None = None
        if sys.platform != "linux":
            return
        with suppress(OSError):  # another process has it, or sockets are forbidden
            mine = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                mine.setblocking(False)
                mine.bind(_address(folder))
            except OSError:
                mine.close()
                raise
            self._socket = mine

    def wait(self, seconds: float, others: Iterable[int] = ()) -> None:
        """Wait for so long at most. `others`: descriptors that end it too, once there is something to read."""
        mine = [] if self._socket is None else [self._socket.fileno()]
        watched = [*mine, *others]
        if not watched:
            time.sleep(seconds)
            return
        try:
            select.select(watched, [], [], seconds)
        except (OSError, ValueError):  # a descriptor that was closed meanwhile
            time.sleep(seconds)
        if self._socket is not None:
            with suppress(OSError):  # there are no more
                for _ in range(MANY):
                    self._socket.recv(1)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def wake(folder: Path) -> None:
    """Whoever waits for this storage folder begins its next round now. Never raises, never waits."""
    if sys.platform != "linux":
        return
    with suppress(OSError), closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as mine:
        mine.setblocking(False)
        mine.sendto(b"", _address(folder))


def _address(folder: Path) -> bytes:
    """In the abstract namespace, which any user may write to: a message can say no more than "now"."""
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return b"\0musicgen-" + name.encode()
