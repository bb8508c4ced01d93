"""The boxes of an MP4 file: how long its sound says it is, and what else is inside. Light; knows no samples.

Source: ISO/IEC 14496-12. Every size is checked against the box around it; nothing is read that is larger than a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_BOXES = 10_000
CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"dinf"))


@dataclass
class Mp4Survey:
    """What the table of contents (`moov`) says.

    Attributes:
        has_contents: there is a table of contents at all; without one nothing can be decoded.
        seconds: of the first sound track; None where it does not say (fragmented files).
        n_sound, n_pictures: how many tracks of each kind.
        is_fragmented: the sound is described piece by piece, not in the table.
        is_cut: a box ends behind the end of the file.
        refers_outside: a track says that its data lies in another file.
    """

    has_contents: bool = False
    seconds: float | None = None
    n_sound: int = 0
    n_pictures: int = 0
    is_fragmented: bool = False
    is_cut: bool = False
    refers_outside: bool = False


def survey_boxes(file: BinaryIO) -> Mp4Survey:
    """Walk through the boxes; what cannot be read is left out."""
    survey = Mp4Survey()
    end = file.seek(0, 2)
    duration: float | None = None
    for kind, start, stop in _walk(file, end):
        survey.is_cut |= stop > end
        file.seek(start)
        body = file.read(min(stop - start, 64))
        if kind == b"moov":
            survey.has_contents = True
        elif kind == b"mvex":
            survey.is_fragmented = True
        elif kind == b"mdhd":
            duration = _media_seconds(body)
        elif kind == b"hdlr" and body[8:12] == b"soun":
            survey.n_sound += 1
            if survey.n_sound == 1:
                survey.seconds = duration
        elif kind == b"hdlr" and body[8:12] == b"vide":
            survey.n_pictures += 1
        elif kind == b"dref":
            survey.refers_outside |= _refers_outside(file, start, stop)
    return survey


def _walk(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and announced end of the body) of every box, those inside containers right after them."""
    stack = [(0, end)]
    for _ in range(MOST_BOXES):
        if not stack:
            return
        position, limit = stack.pop()
        file.seek(position)
        header = file.read(16)
        if position + 8 > limit or len(header) < 8:
            continue
        size, kind, n_header = int.from_bytes(header[:4], "big"), header[4:8], 8
        if size == 1:
            size, n_header = int.from_bytes(header[8:16], "big"), 16
        size = limit - position if size == 0 else size
        if size < n_header:
            continue
        stack.append((position + size, limit))
        yield kind, position + n_header, position + size
        if kind in CONTAINERS:
            stack.append((position + n_header, min(position + size, limit)))


def _media_seconds(body: bytes) -> float | None:
    wide = body[:1] == b"\x01"
    at = 20 if wide else 12
    scale = int.from_bytes(body[at : at + 4], "big")
    ticks = int.from_bytes(body[at + 4 : at + (12 if wide else 8)], "big")
    unknown = 2 ** (64 if wide else 32) - 1
    return ticks / scale if scale and 0 < ticks < unknown else None


def _refers_outside(file: BinaryIO, start: int, stop: int) -> bool:
    """Whether an entry of a data reference lacks the flag "in this file"."""
    position = start + 8
    while position + 12 <= stop:
        file.seek(position)
        entry = file.read(12)
        size = int.from_bytes(entry[:4], "big")
        if not entry[11] & 1:
            return True
        if size < 12:
            break
        position += size
    return False
