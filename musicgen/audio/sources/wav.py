"""WAV uploads, read with NumPy: the format is simple, and headers may be wrong, so the content decides."""

from __future__ import annotations

import mmap
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np

from musicgen.audio.riff import FLOAT, WavFormat, parse_format
from musicgen.audio.riff_files import RiffSurvey, survey_riffs
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.audio.sources.joined import open_parts
from musicgen.errors import RejectedFile, sentence


class WavSource(Source):
    """8, 16, 24 and 32-bit PCM, 32 and 64-bit float, plain or extensible; any number of chunks around the samples, and
    samples in any number of chunks."""

    format = "wav"

    def __init__(self, path: Path, riff: RiffSurvey) -> None:
        super().__init__()
        self._path = path
        if riff.wav_format is None or not riff.data:
            what = "samples without a description" if riff.wav_format is None else "no samples"
            rule = "A WAV file must have a description and samples"
            raise RejectedFile(sentence(rule, what, "Export or download it again."), code="damaged")
        self._format = parse_format(riff.wav_format)
        self.sample_rate, self.n_channels = self._format.sample_rate, self._format.n_channels
        frame_bytes = max(self._format.frame_bytes, 1)
        self._pieces = [(start, (stop - start) // frame_bytes) for start, stop in riff.data]
        self._n_samples = sum(n_samples for _, n_samples in self._pieces)
        self.n_left_out = riff.n_left_out
        if riff.is_announced:
            self.promised = self._n_samples + riff.n_missing // frame_bytes
            if riff.n_missing > frame_bytes:
                self.problem = "the file ends before its samples do"

    def reaches(self, n_samples: int) -> bool:
        return n_samples < self._n_samples

    def blocks(self) -> Generator[Block, None, None]:
        with open(self._path, "rb") as file:
            for start, n_left in self._pieces:
                file.seek(start)
                while n_left > 0:
                    n = min(n_left, BLOCK_FRAMES)
                    raw = file.read(n * self._format.frame_bytes)
                    yield _raw_to_float(raw, self._format).reshape(-1, self.n_channels)
                    n_left -= n


def open_wav(path: Path) -> Source:
    """All sound in a WAV file and in those appended to it. Raises RejectedFile."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        riffs = survey_riffs(content)
    return open_parts([partial(WavSource, path, riff) for riff in riffs])


def _raw_to_float(raw: bytes, wav_format: WavFormat) -> Block:
    """Little-endian samples to float32; floats keep their scale."""
    if wav_format.tag == FLOAT:
        with np.errstate(over="ignore"):  # a double too large for float32 becomes infinity, which is refused later
            return np.frombuffer(raw, f"<f{wav_format.sample_bytes}").astype(np.float32)
    if wav_format.sample_bytes == 1:
        return integers_to_float(np.frombuffer(raw, np.uint8).astype(np.int16) - np.int16(128), 8)
    if wav_format.sample_bytes == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return integers_to_float(wide.view("<i4")[:, 0], 32)
    return integers_to_float(np.frombuffer(raw, f"<i{wav_format.sample_bytes}"), 8 * wav_format.sample_bytes)
