"""Finds the samples in a WAV upload, in however many chunks and joined files. Headers may be wrong; the content
decides. Light; knows no samples."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from musicgen.audio.riff import MAX_CHUNKS
from musicgen.audio.tags import ID3V1_BYTES, Bytes, tag_size

OPENING = re.compile(rb"(?:RIFF|RF64|BW64)[\x00-\xff]{4}WAVE")
OPENING_BYTES = 12
UNKNOWN_SIZE = 0xFFFFFFFF
FORMAT_BYTES = 64


@dataclass
class RiffSurvey:
    """Samples of one format.

    Attributes:
        wav_format: the body of the `fmt ` chunk; None without one.
        data: start and end of every block of samples in the file.
        is_announced: the header gives their length. n_missing: bytes that it announces but that are missing.
        n_left_out: bytes that belong to no chunk.
    """

    wav_format: bytes | None = None
    data: list[tuple[int, int]] = field(default_factory=list)
    is_announced: bool = True
    n_missing: int = 0
    n_left_out: int = 0


def survey_riffs(content: Bytes) -> list[RiffSurvey]:
    """The parts of the file with samples, in order; at least one entry."""
    return _ChunkWalk(content).found


class _ChunkWalk:
    """Goes from chunk to chunk through a file and the files appended to it."""

    def __init__(self, content: Bytes) -> None:
        self.content, self.size = content, len(content)
        self.found = [RiffSurvey()]
        self.file_start, self.riff_size, self.long_size = 0, 0, UNKNOWN_SIZE
        position = max(self._next_file(0), 0)
        self.found[0].n_left_out = position
        for _ in range(MAX_CHUNKS):
            if position >= self.size:
                break
            position = self._pass(position)
        self.found[-1].n_left_out += max(self.size - position, 0)

    def _next_file(self, position: int) -> int:
        found = OPENING.search(self.content, position)  # type: ignore[call-overload]
        return -1 if found is None else int(found.start())

    def _pass(self, position: int) -> int:
        """Take what begins at `position`; returns where the next chunk begins."""
        header = self.content[position : position + OPENING_BYTES]
        if OPENING.match(header):
            return self._enter(header, position)
        if tag := self._tag_size(position, header):
            return position + tag
        name, size, start = header[:4], int.from_bytes(header[4:8], "little"), position + 8
        if len(header) < 8 or not all(0x20 <= byte < 0x7F for byte in name):
            return self._resume(position)
        if name == b"data":
            return self._padded(self._take(start, size))
        if start + size > self.size and not self.found[-1].data:
            return self._resume(position)
        if name == b"fmt ":
            self._describe(self.content[start : start + min(size, FORMAT_BYTES)])
        elif name == b"ds64":
            self.long_size = int.from_bytes(self.content[start + 8 : start + 16], "little")
        return self._padded(start + size)

    def _tag_size(self, position: int, header: bytes) -> int:
        """Bytes of a tag outside any chunk; chunks may also be called "ID3 " and "TAG "."""
        is_at_end = position + ID3V1_BYTES == self.size
        if header[:4] == b"ID3 " or (header[:3] == b"TAG" and not is_at_end):
            return 0
        return tag_size(self.content, position)

    def _enter(self, header: bytes, position: int) -> int:
        self.riff_size, self.long_size = int.from_bytes(header[4:8], "little"), UNKNOWN_SIZE
        self.file_start = position
        if self.found[-1].data:
            self.found.append(RiffSurvey())
        return position + OPENING_BYTES

    def _describe(self, wav_format: bytes) -> None:
        known = self.found[-1].wav_format
        if self.found[-1].data and known is not None and known != wav_format:
            self.found.append(RiffSurvey())
        self.found[-1].wav_format = wav_format

    def _take(self, start: int, size: int) -> int:
        riff = self.found[-1]
        if size == UNKNOWN_SIZE:
            size = self.long_size
        if size == UNKNOWN_SIZE or (size == 0 and self.riff_size < start - self.file_start):
            riff.is_announced = False  # written by a program that never filled in the length
            following = self._next_file(start)
            size = (self.size if following < 0 else following) - start
        stop = min(start + size, self.size)
        riff.data.append((start, stop))
        riff.n_missing += start + size - stop
        return start + size

    def _padded(self, stop: int) -> int:
        """The position after a chunk that ends at `stop`: chunks should begin at even positions, but some do not."""
        if (stop - self.file_start) % 2 and self.content[stop : stop + 1] in (b"\0", b""):
            return stop + 1
        return stop

    def _resume(self, position: int) -> int:
        """Continue where a file or, if there were none so far, samples begin; what lies before is left out."""
        following = [self._next_file(position)]
        if not self.found[-1].data:
            following.append(self.content.find(b"data", position))
        following = [place for place in following if place >= 0] or [self.size]
        self.found[-1].n_left_out += min(following) - position
        return min(following)
