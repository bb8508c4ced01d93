"""The log of a task: lines for people, limited in size. Knows no task."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

MAX_BYTES = 5_000_000
# Printed by TensorFlow's C++ part on any machine without a GPU, before its log level applies. It stays in the file.
CHATTER = re.compile(r"All log messages before absl|(port|cudart_stub|cuda_platform|cpu_feature_guard)\.cc:\d+\]")
TAIL_BYTES = 131_072


class RunLog:
    """Appends lines that start with the local time; at 5 MB the log moves to `log.1.txt`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def line(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        indented = text.rstrip().replace("\n", "\n    ")
        try:
            if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
                os.replace(self.path, self.path.with_name("log.1.txt"))
            with open(self.path, "a", encoding="utf-8", errors="replace") as file:
                file.write(f"{stamp}  {indented}\n")
        except OSError:  # a full disk: the worker's state reports it, the log cannot
            return


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, without TensorFlow's start messages; [] if there is none."""
    if lines <= 0:
        return []
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL_BYTES, 0))
            found = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in found if not CHATTER.search(line)][-lines:]


def cut_if_long(path: Path) -> None:
    """Empty a long file that a process keeps open for appending: libraries may print without end."""
    try:
        if path.stat().st_size > MAX_BYTES:
            os.truncate(path, 0)
    except OSError:
        return
