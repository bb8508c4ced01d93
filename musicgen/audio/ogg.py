"""The pages of an Ogg file: the streams it holds, in parallel and in sequence. Light; knows no
samples.

Source: RFC 3533 (pages), and the first packets that RFC 5334 and the codecs' own mappings define.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import BinaryIO

CAPTURE = b"OggS"
HEADER_BYTES = 27  # before the table of sizes; the last of them is the length of the table
IS_FIRST, IS_LAST = 2, 4
MAX_LINKS = 2_000
MAX_PAGES = 3_000_000  # more than two hours of the shortest pages that encoders write
FIRST_PACKETS = (  # → codec, and whether it is sound
    (b"\x01vorbis", "Vorbis", True),
    (b"OpusHead", "Opus", True),
    (b"\x7fFLAC", "FLAC", True),
    (b"fLaC", "FLAC in an early form", True),
    (b"Speex   ", "Speex", True),
    (b"CELT    ", "CELT", True),
    (b"PCM     ", "PCM", True),
    (b"\x01audio", "OGM sound", True),
    (b"\x80theora", "Theora", False),
    (b"BBCD", "Dirac", False),
    (b"OVP80", "VP8", False),
    (b"\x01video", "OGM video", False),
    (b"\x80daala", "Daala", False),
    (b"YUV4MPEG", "pictures", False),
    (b"\x8bJNG", "pictures", False),
    (b"\x8aMNG", "pictures", False),
)
UNKNOWN = "unknown"
NO_MEDIA = (b"fishead", b"index", b"CMML", b"\x80kate", b"\x01text", b"ANNODEX")  # tables and texts


@dataclass
class OggStream:
    """One stream of pages.

    Attributes:
        codec: by its first packet; empty for a table or a text, "unknown" if not recognised.
        is_sound: it holds sound.
        pieces: where its pages are in the file. bodies: the same without their headers.
        is_complete: its last page is there, complete, and marked as the last.
    """

    codec: str
    is_sound: bool
    pieces: list[tuple[int, int]] = field(default_factory=list)
    bodies: list[tuple[int, int]] = field(default_factory=list)
    is_complete: bool = False


@dataclass
class OggSurvey:
    """`links`: the parts in sequence, each with its streams in order. `n_left_out`: bytes of no stream."""

    links: list[list[OggStream]] = field(default_factory=list)
    n_left_out: int = 0


def survey_pages(file: BinaryIO) -> OggSurvey:
    """Walk through the pages, skipping damaged ones."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _PageWalk(content).survey


class _PageWalk:
    """Goes from page to page, skipping everything in between."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content = content
        self.survey = OggSurvey()
        self.streams: dict[bytes, OggStream] = {}  # of the current link, by serial number
        self.is_opening = False  # so far this link has only had first pages
        self.n_known = 0
        position = content.find(CAPTURE)
        for _ in range(MAX_PAGES):
            if position < 0 or len(self.survey.links) > MAX_LINKS:
                break
            position = self._pass(position)
        self.survey.n_left_out = len(content) - self.n_known

    def _pass(self, position: int) -> int:
        """Take the page at `position` if it is complete; returns where the next one begins, or -1."""
        content, size = self.content, len(self.content)
        table = position + HEADER_BYTES
        body = table + (content[table - 1] if table <= size else 0)
        stop = body + sum(content[table:body])
        if content[stop : stop + 4] == CAPTURE:
            self._take(position, body, stop)
            return stop
        following = content.find(CAPTURE, position + 4)
        if following < 0 and (stop > size or table > size):  # it is cut off by the end of the file
            self.n_known += size - position
        elif following < 0 or following >= stop:  # else the next one begins inside it: it is damaged
            self._take(position, body, stop)
        return following

    def _take(self, position: int, body: int, stop: int) -> None:
        serial, flags = self.content[position + 14 : position + 18], self.content[position + 5]
        if flags & IS_FIRST:
            self._open(serial, self.content[body : body + 8])
        else:
            self.is_opening = False
        stream = self.streams.get(serial)
        if stream is not None:
            _append(stream.pieces, position, stop)
            _append(stream.bodies, body, stop)
            stream.is_complete = bool(flags & IS_LAST)
            self.n_known += stop - position

    def _open(self, serial: bytes, packet: bytes) -> None:
        stream = _stream(packet)
        if self.survey.links and stream.codec == UNKNOWN:
            return  # more likely a damaged page than a beginning
        if not self.is_opening or serial in self.streams:
            self.survey.links.append([])
            self.streams = {}
        self.is_opening = True
        self.streams[serial] = stream
        self.survey.links[-1].append(stream)


def _stream(packet: bytes) -> OggStream:
    for opening, codec, is_sound in FIRST_PACKETS:
        if packet.startswith(opening):
            return OggStream(codec, is_sound)
    return OggStream("" if packet.startswith(NO_MEDIA) else UNKNOWN, False)


def _append(pieces: list[tuple[int, int]], start: int, stop: int) -> None:
    if pieces and pieces[-1][1] == start:
        pieces[-1] = (pieces[-1][0], stop)
    else:
        pieces.append((start, stop))
