"""The frames of an MP3 file, counted from their headers: what the file holds, whatever its own summary promises.

Source: ISO/IEC 11172-3 and 13818-3 (layer III), and the Xing/Info summary that encoders put into the first frame.
Light: standard library only. Knows no samples.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import BinaryIO

VERSION_1 = 3
SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RESYNC_BYTES = 1 << 16  # how far behind damage the next frame is looked for
SUMMARY_NAMES = (b"Xing", b"Info")
TAG_NAMES = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")


@dataclass(frozen=True)
class FrameHeader:
    """`size` in bytes, header included; `n_samples` per channel."""

    sample_rate: int
    n_samples: int
    n_channels: int
    size: int
    summary_offset: int  # of a Xing/Info summary, from the start of the frame


@dataclass(frozen=True)
class Mp3Survey:
    """What the headers of all frames say.

    Attributes:
        start: position of the first frame; first: its four bytes of header.
        n_frames: complete frames, the one with the summary not counted. frame_samples: in each, per channel.
        summary_at: position of the number of frames in the file's own summary; None where it has none.
        summary_frames: how many frames the summary promises.
        missing_bytes: of a last frame that is cut off.
    """

    start: int
    first: bytes
    n_frames: int
    frame_samples: int
    summary_at: int | None
    summary_frames: int | None
    missing_bytes: int


def parse_header(four: bytes) -> FrameHeader | None:
    """The header of a layer III frame, or None where these four bytes are none (free-format frames count as none)."""
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
    return FrameHeader(sample_rate, 1152 if is_first else 576, n_channels, size, 4 + side_information)


def id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag that `head` starts with, its own header included; 0 without one."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def summary_frame(first: bytes, n_frames: int) -> bytes:
    """A frame without sound that announces `n_frames`, to stand in front of a file that begins with header `first`."""
    header = bytes((first[0], first[1] | 1, 0x90 | first[2] & 0x0C, first[3]))  # no checksum, a middling bit rate
    frame = parse_header(header)
    if frame is None:
        raise ValueError("the header of a layer III frame")
    body = b"Xing" + (1).to_bytes(4, "big") + n_frames.to_bytes(4, "big")
    return (header + bytes(frame.summary_offset - 4) + body).ljust(frame.size, b"\0")


def survey_frames(file: BinaryIO, most_seconds: float) -> Mp3Survey | None:
    """Walk through the frame headers of the file, to `most_seconds` or a little beyond; None where there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = id3_size(content[:10])
        first = parse_header(content[start : start + 4])
        if first is None:
            start = _next_frame(content, start)
            first = parse_header(content[start : start + 4]) if start >= 0 else None
        if first is None:
            return None
        summary_at, summary_frames = _summary(content, start + first.summary_offset)
        has_summary = content[start + first.summary_offset : start + first.summary_offset + 4] in SUMMARY_NAMES
        most_frames = int(most_seconds * first.sample_rate / first.n_samples) + 10
        n_frames, missing = _count_frames(content, start, most_frames)
        n_frames = max(n_frames - has_summary, 0)
        if n_frames <= has_summary:  # the file is cut off within its first frame with sound
            return None
        header = content[start : start + 4]
        return Mp3Survey(start, header, n_frames, first.n_samples, summary_at, summary_frames, max(missing, 0))


def _count_frames(content: mmap.mmap, position: int, most: int) -> tuple[int, int]:
    """Complete frames from `position` on, over damage and tags; and how many bytes the last one lacks."""
    n_frames, missing = 0, 0
    frame = parse_header(content[position : position + 4])
    while frame is not None and n_frames < most:
        missing = position + frame.size - len(content)
        if missing > 0:
            break
        n_frames += 1
        position += frame.size
        frame = parse_header(content[position : position + 4])
        if frame is None and position < len(content) and not content[position : position + 11].startswith(TAG_NAMES):
            position = _next_frame(content, position)
            frame = parse_header(content[position : position + 4]) if position >= 0 else None
    return n_frames, missing


def _next_frame(content: mmap.mmap, position: int) -> int:
    """Where the next two frames in a row begin, behind damage; -1 where none do."""
    limit = min(position + RESYNC_BYTES, len(content))
    while (position := content.find(b"\xff", position, limit)) >= 0:
        frame = parse_header(content[position : position + 4])
        if frame is not None:
            after = position + frame.size
            second = parse_header(content[after : after + 4])
            if second is not None and second.sample_rate == frame.sample_rate:
                return position
        position += 1
    return -1


def _summary(content: mmap.mmap, at: int) -> tuple[int | None, int | None]:
    """Position and value of the number of frames in a summary that begins at `at`."""
    has_count = content[at : at + 4] in SUMMARY_NAMES and int.from_bytes(content[at + 4 : at + 8], "big") & 1
    return (at + 8, int.from_bytes(content[at + 8 : at + 12], "big")) if has_count else (None, None)
