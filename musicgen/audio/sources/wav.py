"""WAV uploads, read with NumPy: the format is simple, headers lie, and what is written in a file decides, not they."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from musicgen.audio.riff import FLOAT, Chunk, WavFormat, parse_format, walk_chunks
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.errors import RejectedFile, sentence

UNKNOWN_SIZE = 0xFFFFFFFF


class WavSource(Source):
    """8, 16, 24 and 32-bit PCM, 32 and 64-bit float, plain or extensible; any number of chunks around the samples."""

    format = "wav"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with open(path, "rb") as file:
            self._format, chunk, riff_size, long_size = _read_header(file)
            available = file.seek(0, os.SEEK_END) - chunk.start
        self.sample_rate, self.n_channels = self._format.sample_rate, self._format.n_channels
        frame_bytes = max(self._format.frame_bytes, 1)
        size = chunk.size if chunk.size != UNKNOWN_SIZE or long_size is None else long_size
        if size == UNKNOWN_SIZE or (size == 0 and riff_size < chunk.start):
            size = available  # written by a program that never came back to say how long it was
        elif size <= available + frame_bytes:
            self.promised = size // frame_bytes
        else:
            self.promised = size // frame_bytes
            self.problem = "the file ends before its samples do"
        self._start, self._n_samples = chunk.start, min(size, available) // frame_bytes

    def reaches(self, n_samples: int) -> bool:
        return n_samples < self._n_samples

    def blocks(self) -> Generator[Block, None, None]:
        n_left = self._n_samples
        with open(self._path, "rb") as file:
            file.seek(self._start)
            while n_left > 0:
                n = min(n_left, BLOCK_FRAMES)
                raw = file.read(n * self._format.frame_bytes)
                yield _raw_to_float(raw, self._format).reshape(-1, self.n_channels)
                n_left -= n


def _read_header(file: BinaryIO) -> tuple[WavFormat, Chunk, int, int | None]:
    """Format, the chunk with the samples, the size in the RIFF header, and the 64-bit size of an RF64 file."""
    riff_size = int.from_bytes(file.read(12)[4:8], "little")
    wav_format, long_size = None, None
    for chunk in walk_chunks(file):
        if chunk.name == b"fmt ":
            wav_format = parse_format(file.read(min(chunk.size, 64)))
        elif chunk.name == b"ds64":
            long_size = int.from_bytes(file.read(24)[8:16], "little")
        elif chunk.name == b"data":
            if wav_format is None:
                break
            return wav_format, chunk, riff_size, long_size
    what = "samples without a description" if wav_format is None else "no samples"
    raise RejectedFile(
        sentence("A WAV file has a description and samples", what, "Export or download it again."), code="damaged"
    )


def _raw_to_float(raw: bytes, wav_format: WavFormat) -> Block:
    """Little-endian samples to float32; floats keep their scale, whatever it is."""
    if wav_format.tag == FLOAT:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinity, which is refused later
            return np.frombuffer(raw, f"<f{wav_format.sample_bytes}").astype(np.float32)
    if wav_format.sample_bytes == 1:
        return integers_to_float(np.frombuffer(raw, np.uint8).astype(np.int16) - np.int16(128), 8)
    if wav_format.sample_bytes == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return integers_to_float(wide.view("<i4")[:, 0], 32)
    return integers_to_float(np.frombuffer(raw, f"<i{wav_format.sample_bytes}"), 8 * wav_format.sample_bytes)
