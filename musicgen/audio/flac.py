"""Finds native FLAC streams in a file. Light; knows no samples. Source: RFC 9639."""

from __future__ import annotations

import mmap
import re
from itertools import pairwise
from typing import BinaryIO

from musicgen.audio.tags import Bytes

OPENING = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # the mark, and the header of the block that is always first
INFO_AT, INFO_BYTES = 8, 18  # from the mark
TOTAL_BITS = 36
MIN_BLOCK = 16
FRAME = re.compile(rb"\xff[\xf8\xf9]")
CRC_8, CRC_16 = 0x07, 0x8005
MAX_HEADER = 16
MAX_PARTS = 2_000


def find_flac(content: Bytes, position: int = 0) -> int:
    """Where the next stream begins, at or after `position`; -1 if there is none."""
    found = OPENING.search(content, position)  # type: ignore[call-overload]
    while found is not None:
        start = found.start()
        found = None  # a match would keep the file in memory
        info = content[start + INFO_AT : start + INFO_AT + INFO_BYTES]
        if len(info) < INFO_BYTES or int.from_bytes(info[:2], "big") >= MIN_BLOCK:
            return start
        found = OPENING.search(content, start + 4)  # type: ignore[call-overload]
    return -1


def survey_streams(file: BinaryIO) -> list[tuple[int, int]]:
    """Start and end of every stream; a stream ends where the next begins, or at the end of the file."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts, size = [find_flac(content)], len(content)
        while starts[-1] >= 0 and len(starts) <= MAX_PARTS:
            starts.append(find_flac(content, starts[-1] + 4))
    starts = [start for start in starts if start >= 0]
    return list(pairwise([*starts, size]))


def end_of_last_frame(content: bytes) -> int:
    """Where the last complete frame in `content` ends, judged by the checksums of its header and of the whole frame.

    The end of `content` if there is none."""
    starts = [match.start() for match in FRAME.finditer(content)]
    for start in reversed([start for start in starts if _is_header(content[start : start + MAX_HEADER])]):
        crc = 0
        for position in range(start, len(content)):
            crc = (crc << 8 & 0xFFFF) ^ TABLE_16[crc >> 8 ^ content[position]]
            if not crc and position - start > MIN_BLOCK // 2:
                return position + 1
    return len(content)


def _is_header(content: bytes) -> bool:
    """Whether the checksum fits at one of the possible lengths of a frame header."""
    crc = 0
    for length, byte in enumerate(content, 1):
        crc = TABLE_8[crc ^ byte]
        if not crc and length > 5:
            return True
    return False


def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> bits - 1 else 0)) & (1 << bits) - 1
        table.append(value)
    return table


TABLE_8, TABLE_16 = _table(CRC_8, 8), _table(CRC_16, 16)
