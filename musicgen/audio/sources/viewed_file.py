"""A file as a library should see it: only some of its bytes, with a corrected header. Knows no formats."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

Piece = tuple[int, int]  # a range of bytes of the file: first, and one past the last


@dataclass(frozen=True)
class View:
    """How libsndfile should see a file: `prefix`, then `pieces` of it in order (None: all of it). `overlay` (position
    in the view → bytes) replaces bytes of the file."""

    prefix: bytes = b""
    pieces: Sequence[Piece] | None = None
    overlay: dict[int, bytes] = field(default_factory=dict)


def merged(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same bytes in as few pieces as possible."""
    result: list[Piece] = []
    for start, stop in pieces:
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], stop)
        elif start < stop:
            result.append((start, stop))
    return tuple(result)


class ViewedFile(io.RawIOBase):
    """A file seen through a view; read-only."""

    def __init__(self, path: Path, view: View) -> None:
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        size = os.fstat(self._file.fileno()).st_size
        pieces = [(0, size)] if view.pieces is None else view.pieces
        self._starts = [start for start, _ in pieces]
        # Where each piece ends in the view; the prefix comes before them all.
        self._stops = list(accumulate((stop - start for start, stop in pieces), initial=len(view.prefix)))
        self._patches = {0: view.prefix, **view.overlay}
        self._position = 0

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        n_read = max(min(len(target), self._stops[-1] - self._position), 0)
        n_filled = min(max(self._stops[0] - self._position, 0), n_read)  # bytes filled from the prefix
        while n_filled < n_read:
            n_more = self._read_piece(self._position + n_filled, target[n_filled:n_read])
            if not n_more:
                n_read = n_filled
            n_filled += n_more
        for position, content in self._patches.items():
            first, last = max(position, self._position), min(position + len(content), self._position + n_read)
            if first < last:
                target[first - self._position : last - self._position] = content[first - position : last - position]
        self._position += n_read
        return n_read

    def _read_piece(self, position: int, target: memoryview) -> int:
        """Fill `target` from `position`, at most to the end of the piece there; returns how many bytes were read."""
        number = bisect_right(self._stops, position) - 1
        self._file.seek(self._starts[number] + position - self._stops[number])
        return self._file.readinto(target[: self._stops[number + 1] - position])

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._stops[-1]}[whence]
        self._position = max(base + offset, 0)  # damaged files make libsndfile seek before the beginning
        return self._position

    def tell(self) -> int:
        return self._position

    @property
    def size(self) -> int:
        """Size of the view in bytes."""
        return self._stops[-1]

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
