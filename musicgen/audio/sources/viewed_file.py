"""A file as a library is to see it: with a better header than its own. Knows no formats."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class View:
    """How libsndfile is to see a file: `prefix`, then what lies behind `start`; `overlay` (position in what it sees →
    bytes) takes the place of the file's own bytes."""

    prefix: bytes = b""
    start: int = 0
    overlay: dict[int, bytes] = field(default_factory=dict)


class ViewedFile(io.RawIOBase):
    """A file seen through a view; read-only."""

    def __init__(self, path: Path, view: View) -> None:
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        self._patches = {0: view.prefix, **view.overlay}
        self._shift = len(view.prefix) - view.start  # from a position in the file to one in the view
        self._n_prefix = len(view.prefix)
        self._size = os.fstat(self._file.fileno()).st_size + self._shift
        self._position = 0

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        n_read = max(min(len(target), self._size - self._position), 0)
        n_prefix = min(max(self._n_prefix - self._position, 0), n_read)
        if n_prefix < n_read:
            self._file.seek(self._position + n_prefix - self._shift)
            n_read = n_prefix + self._file.readinto(target[n_prefix:n_read])
        for position, content in self._patches.items():
            first, last = max(position, self._position), min(position + len(content), self._position + n_read)
            if first < last:
                target[first - self._position : last - self._position] = content[first - position : last - position]
        self._position += n_read
        return n_read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)  # damaged files send libsndfile before the beginning
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
