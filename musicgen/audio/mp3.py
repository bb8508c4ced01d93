"""Finds the frames of an MP3 file by their headers: what the file really holds, whatever its summary promises.

A player plays every frame it finds, skipping junk, tags and cut frames, and continues into a file appended to the
first. This does the same: the file is a list of parts, each with frames of one kind after one summary.

Source: ISO/IEC 11172-3 and 13818-3 (layer III), and the Xing/Info and VBRI summaries that encoders put into a first
frame. Light: standard library only. Knows no samples.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from musicgen.audio.tags import Bytes, behind_tags

VERSION_1 = 3
SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
POSSIBLE_HEADER = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")
Kind = tuple[int, int, int]  # version, sample rate, channels
MAX_CANDIDATES = 200_000  # after so many bytes that look like a header but are none, the search is given up
SUMMARY_NAMES = (b"Xing", b"Info")
SUMMARY_FIELDS = (4, 4, 100, 4)  # bytes of: frames, bytes, table of contents, quality
PADDING_AT = 21  # from the encoder's name
VBRI_AT, VBRI_FRAMES_AT = 36, 14
LONG_CHAIN = 40  # more frames in a row than a picture inside a tag can imitate
MAX_PARTS = 2_000
SEARCHED_BYTES = 1 << 16  # for the first frame; two in a row are enough there


@dataclass(frozen=True)
class FrameHeader:
    """`size` in bytes, header included; `n_samples` per channel. `kind`: frames of one kind can follow each other."""

    sample_rate: int
    n_samples: int
    n_channels: int
    size: int
    summary_offset: int  # of a Xing/Info summary, from the start of the frame
    kind: Kind


@dataclass
class Mp3Part:
    """Frames of one kind, with or without a summary in front.

    Attributes:
        start: position of its first frame in the file.
        first: the first four bytes of its first frame. frame: these decoded.
        pieces: where its frames are in the file, including that of a summary that counts them.
        n_frames: complete frames with sound.
        has_summary: its first frame is a summary without sound.
        summary_at: position of the frame count in that summary, from the start of the part; None without one.
        summary_frames: frames that the summary promises.
        padding_at: position of the number of samples that the encoder added at the end, from the start of the part.
        padding: the three bytes there, which also hold how much it added in front; None without them.
    """

    start: int
    first: bytes
    frame: FrameHeader
    pieces: list[tuple[int, int]] = field(default_factory=list)
    n_frames: int = 0
    has_summary: bool = False
    summary_at: int | None = None
    summary_frames: int | None = None
    padding_at: int = 0
    padding: bytes | None = None

    @property
    def is_cut(self) -> bool:
        """Only its last frames are missing."""
        return len(self.pieces) == 1 and self.n_frames < (self.summary_frames or 0)

    @property
    def is_headless(self) -> bool:
        """Its summary would mislead a decoder."""
        return self.has_summary and self.summary_at is None


@dataclass
class Mp3Survey:
    """All parts, how many bytes the last frame lacks, and how many bytes are neither frames nor tags."""

    parts: list[Mp3Part] = field(default_factory=list)
    missing_bytes: int = 0
    n_left_out: int = 0


def parse_header(four: bytes) -> FrameHeader | None:
    """The header of a layer III frame, or None if these four bytes are none (free-format frames count as none)."""
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE6 != 0xE2:
        return None
    version, bit_rate, rate = four[1] >> 3 & 3, four[2] >> 4, four[2] >> 2 & 3
    if version == 1 or bit_rate in (0, 15) or rate == 3:
        return None
    sample_rate, n_channels = SAMPLE_RATES[version][rate], 1 if four[3] >> 6 == 3 else 2
    is_first = version == VERSION_1
    kbits = (KBITS_1 if is_first else KBITS_2)[bit_rate]
    size = (144 if is_first else 72) * kbits * 1000 // sample_rate + (four[2] >> 1 & 1)
    side_information = (17 if n_channels == 1 else 32) if is_first else (9 if n_channels == 1 else 17)
    n_samples = 1152 if is_first else 576
    return FrameHeader(
        sample_rate, n_samples, n_channels, size, 4 + side_information, (version, sample_rate, n_channels)
    )


def summary_frame(first: bytes, n_frames: int) -> bytes:
    """A summary frame that announces `n_frames`, to put before a file that begins with header `first`."""
    header = bytes((first[0], first[1] | 1, 0x90 | first[2] & 0x0C, first[3]))  # no checksum, a medium bit rate
    frame = parse_header(header)
    if frame is None:
        raise ValueError("the header of a layer III frame")
    body = b"Xing" + (1).to_bytes(4, "big") + n_frames.to_bytes(4, "big")
    return (header + bytes(frame.summary_offset - 4) + body).ljust(frame.size, b"\0")


def find_frames(
    content: Bytes, position: int, stop: int | None = None, *, in_a_row: int = 2, kind: Kind | None = None
) -> int:
    """Where this many frames of one kind in a row begin, at or after `position` but before `stop`; -1: nowhere.

    `kind`: the kind expected; of another kind one more frame is required, to rule out a coincidence."""
    stop = len(content) if stop is None else min(stop, len(content))
    for _ in range(MAX_CANDIDATES):
        found = POSSIBLE_HEADER.search(content, position, stop)  # type: ignore[call-overload]
        if found is None:
            break
        position = found.start()
        found = None  # a match would keep the file in memory
        frame = parse_header(content[position : position + 4])
        is_expected = kind is None or (frame is not None and frame.kind == kind)
        n_wanted = in_a_row if is_expected else in_a_row + 1
        if _chain(content, position, n_wanted)[0] == n_wanted:
            return position
        position += 1
    return -1


def _chain(content: Bytes, position: int, most: int) -> tuple[int, int]:
    """How many frames of one kind follow each other from `position`, `most` at most, and where they end."""
    frame = first = parse_header(content[position : position + 4])
    n_frames = 0
    while frame is not None and first is not None and frame.kind == first.kind and n_frames < most:
        n_frames += 1
        position += frame.size
        frame = parse_header(content[position : position + 4])
    return n_frames, position


def survey_frames(file: BinaryIO, most_seconds: float) -> Mp3Survey:
    """Find the frames of the file, up to `most_seconds` or a little more; no parts if there is no frame."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _FrameWalk(content, most_seconds).survey


class _FrameWalk:
    """Goes from frame to frame through a file, skipping everything in between."""

    def __init__(self, content: mmap.mmap, most_seconds: float) -> None:
        self.content = content
        self.size = len(content)
        self.survey = Mp3Survey()
        self.seconds_left = most_seconds + 1.0
        self.last = 0  # position of the latest frame
        self.n_known = 0  # bytes of frames and tags
        position = self._begin()
        while 0 <= position < self.size and self.seconds_left > 0 and len(self.survey.parts) < MAX_PARTS:
            position = self._behind_gap(self._take(position))
        self.survey.parts = [part for part in self.survey.parts if part.n_frames]
        self.survey.n_left_out = max(self.size - self.n_known, 0) if self.seconds_left > 0 else 0

    def _begin(self) -> int:
        """The first frame: after the tags if their lengths are right, else wherever it is; -1 if there is none."""
        content = self.content
        behind = behind_tags(content, 0)
        first = behind if _chain(content, behind, 2)[0] == 2 else self._inside_tag(behind)
        if first < 0:
            first = find_frames(content, behind, behind + SEARCHED_BYTES)
        if first < 0:
            first = find_frames(content, behind + SEARCHED_BYTES, in_a_row=LONG_CHAIN)
        self.n_known += min(behind, self.size if first < 0 else first)
        return first

    def _inside_tag(self, behind: int) -> int:
        """The first frame inside what claims to be a tag: frames of the song continue past the end of a tag whose
        length is wrong; those of a jingle inside a real tag do not. -1 without such frames."""
        position, end_of_tag = 10, min(behind, self.size)
        while 0 <= position < end_of_tag:
            position = find_frames(self.content, position, end_of_tag, in_a_row=3)
            if position >= 0:
                n_frames, end = _chain(self.content, position, LONG_CHAIN)
                if n_frames >= LONG_CHAIN or end >= end_of_tag:
                    return position
                position = end
        return -1

    def _take(self, position: int) -> int:
        """Take the frames of one kind that begin at `position`; returns where they end."""
        content, parts = self.content, self.survey.parts
        part = parts[-1] if parts else None
        frame = first = parse_header(content[position : position + 4])
        if part is not None and first is not None and part.frame.kind != first.kind:
            part = None
        start = position
        while frame is not None and first is not None and frame.kind == first.kind and self.seconds_left > 0:
            if position + frame.size > self.size:
                self.survey.missing_bytes = position + frame.size - self.size
                self.n_known += self.size - position
                break
            if part is None or (self._is_summary(position, frame) and len(parts) < MAX_PARTS):
                if part is not None:
                    part.pieces.append((start, position))
                part = self._open_part(position, frame)
                start = position + frame.size if part.is_headless else position
            if not (part.has_summary and part.start == position):
                part.n_frames += 1
                self.seconds_left -= frame.n_samples / frame.sample_rate
            self.last = position
            position += frame.size
            self.n_known += frame.size
            frame = parse_header(content[position : position + 4])
        if part is not None:
            part.pieces.append((start, position))
        return position

    def _is_summary(self, position: int, frame: FrameHeader) -> bool:
        at = position + frame.summary_offset
        return self.content[at : at + 4] in SUMMARY_NAMES or self._is_vbri(position)

    def _is_vbri(self, position: int) -> bool:
        return self.content[position + VBRI_AT : position + VBRI_AT + 4] == b"VBRI"

    def _open_part(self, position: int, frame: FrameHeader) -> Mp3Part:
        content, at = self.content, position + frame.summary_offset
        part = Mp3Part(position, content[position : position + 4], frame)
        if content[at : at + 4] in SUMMARY_NAMES:
            part.has_summary = True
            if int.from_bytes(content[at + 4 : at + 8], "big") & 1:
                part.summary_at = frame.summary_offset + 8
                part.summary_frames = int.from_bytes(content[at + 8 : at + 12], "big")
                self._note_padding(part, at, frame)
        elif self._is_vbri(position):
            part.has_summary = True
            at = position + VBRI_AT + VBRI_FRAMES_AT
            part.summary_frames = int.from_bytes(content[at : at + 4], "big")
        self.survey.parts.append(part)
        return part

    def _note_padding(self, part: Mp3Part, at: int, frame: FrameHeader) -> None:
        """After the summary's optional fields, which its flags count, encoders store data of their own."""
        flags = self.content[at + 7]
        place = at + 8 + sum(size for bit, size in enumerate(SUMMARY_FIELDS) if flags >> bit & 1) + PADDING_AT
        if place + 3 <= part.start + frame.size:
            part.padding_at, part.padding = place - part.start, self.content[place : place + 3]

    def _behind_gap(self, position: int) -> int:
        """The next frames after the end of the previous ones; -1 if there are none."""
        content = self.content
        if position >= self.size or self.survey.missing_bytes:
            return -1
        behind = behind_tags(content, position)
        if behind >= self.size or (behind > position and _chain(content, behind, 2)[0] == 2):
            self.n_known += min(behind, self.size) - position
            return behind
        found = find_frames(content, self.last + 4, kind=self.survey.parts[-1].frame.kind)
        if 0 <= found < position:
            self._drop_last_frame(position)
        elif behind > position:
            self.n_known += (behind if found < 0 else min(behind, found)) - position
        return found

    def _drop_last_frame(self, end: int) -> None:
        """It was cut: the next frames begin inside it."""
        part = self.survey.parts[-1]
        start, _ = part.pieces.pop()
        part.pieces.append((start, max(start, self.last)))
        part.n_frames -= part.start != self.last or not part.has_summary
        self.n_known -= end - self.last
