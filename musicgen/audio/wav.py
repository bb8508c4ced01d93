"""Our own WAV files: 16-bit PCM with a stamp. Light: NumPy and the standard library, because the server reads them.

Each file carries, in a LIST/INFO/ICMT chunk before the samples, the sha256 of its format and samples. Streamlit
distinguishes media above 1 MiB by length and three samples of 64 KiB, so without the stamp two songs could share an
address, and the wrong one would play.
"""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.riff import PCM, parse_format, walk_chunks
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from musicgen.errors import CorruptArtifact, InvalidInput, RejectedFile, sentence

SAMPLE_BYTES = 2
STAMP_BYTES = 66  # 64 hexadecimal digits, and zeros to an even length
HEADER_BYTES = 130
MAX_PCM_BYTES = 0xFFFFFFFF - HEADER_BYTES
FRAMES_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class WavInfo:
    """The header of one of our files. `stamp`: sha256 of format and samples, in hexadecimal."""

    sample_rate: int
    n_channels: int
    n_samples: int
    stamp: str
    data_start: int

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


class WavWriter:
    """A 16-bit WAV file written piece by piece; header and stamp are filled in at the end.

    `with WavWriter(path, sample_rate, n_channels) as writer: writer.write(samples)`. Leaving the block with an error
    removes the file. Afterwards `stamp` and `n_samples` describe what was written.
    """

    def __init__(self, path: Path, sample_rate: int, n_channels: int) -> None:
        if sample_rate < 1 or not 1 <= n_channels <= 0xFFFF:
            raise InvalidInput(
                sentence(
                    "A WAV file needs a positive sample rate and at least one channel",
                    f"{sample_rate} Hz, {n_channels}",
                )
            )
        self.path, self.sample_rate, self.n_channels = path, sample_rate, n_channels
        self.n_samples = 0
        self.stamp = ""
        self._digest = hashlib.sha256(_format_body(sample_rate, n_channels))
        self._file: IO[bytes] | None = None

    def __enter__(self) -> WavWriter:
        self._file = open(self.path, "wb")
        self._file.write(bytes(HEADER_BYTES))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        is_complete = False
        try:
            with file:
                if kind is None:
                    self.stamp = self._digest.hexdigest()
                    file.seek(0)
                    file.write(_header(self.sample_rate, self.n_channels, self.n_samples, self.stamp))
            is_complete = kind is None
        finally:
            if not is_complete:
                self.path.unlink(missing_ok=True)

    def write(self, samples: NDArray[np.floating]) -> None:
        """Append samples: float, shape (n_channels, n), or (n,) for one channel; clipped to [-1, 1].

        Raises InvalidInput for another number of channels, samples that are not finite, or more than 4 GB in all."""
        samples = np.atleast_2d(samples)
        if samples.ndim != 2 or samples.shape[0] != self.n_channels:
            rule = f"Samples for this file must have shape ({self.n_channels}, n)"
            raise InvalidInput(sentence(rule, f"shape {samples.shape}"))
        for start in range(0, samples.shape[1], FRAMES_AT_ONCE):
            piece = samples[:, start : start + FRAMES_AT_ONCE]
            if not np.isfinite(piece).all():
                raise InvalidInput(
                    sentence("Every sample must be a finite number", "NaN or infinity"), code="not_finite"
                )
            self._write_pcm(float_to_pcm16(piece))

    def _write_pcm(self, pcm: NDArray[np.int16]) -> None:
        if self._file is None:
            raise ValueError("write inside the with block")
        self.n_samples += pcm.shape[1]
        if self.n_samples * self.n_channels * SAMPLE_BYTES > MAX_PCM_BYTES:
            raise InvalidInput(sentence("A clip may have at most 4 GB as 16-bit sound", "more"), code="too_large")
        content = np.ascontiguousarray(pcm.T, dtype="<i2").data
        self._digest.update(content)
        self._file.write(content)


def wav_bytes(waveform: Waveform) -> bytes:
    """The waveform as a stamped 16-bit WAV file, for players and downloads."""
    content = np.ascontiguousarray(float_to_pcm16(waveform.samples).T, dtype="<i2").tobytes()
    digest = hashlib.sha256(_format_body(waveform.sample_rate, waveform.n_channels))
    digest.update(content)
    return _header(waveform.sample_rate, waveform.n_channels, waveform.n_samples, digest.hexdigest()) + content


def wav_stretch(path: Path, start: int = 0, stop: int | None = None) -> bytes:
    """Samples `start` to `stop` (exclusive; clipped to what exists) of one of our own files as a stamped WAV file.

    Needs memory for the whole result."""
    info = wav_info(path)
    start = min(max(start, 0), info.n_samples)
    stop = info.n_samples if stop is None else min(max(stop, start), info.n_samples)
    digest = hashlib.sha256(_format_body(info.sample_rate, info.n_channels))
    result = io.BytesIO()
    result.write(bytes(HEADER_BYTES))
    for first in range(start, stop, FRAMES_AT_ONCE):
        pcm = read_pcm(path, info, first, min(first + FRAMES_AT_ONCE, stop))
        content = np.ascontiguousarray(pcm.T, dtype="<i2").data
        digest.update(content)
        result.write(content)
    result.seek(0)
    result.write(_header(info.sample_rate, info.n_channels, stop - start, digest.hexdigest()))
    return result.getvalue()


def wav_info(source: Path | bytes) -> WavInfo:
    """Reads the header of one of our own files, or of its content. Raises CorruptArtifact if it is not one or not
    complete."""
    stamp, wav_format = "", None
    path = Path("sound.wav") if isinstance(source, bytes) else source
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            file.read(12)
            for chunk in walk_chunks(file):
                if chunk.name == b"fmt ":
                    wav_format = parse_format(file.read(chunk.size))
                elif chunk.name == b"LIST":
                    stamp = _parse_stamp(file.read(min(chunk.size, 4096)))
                elif chunk.name == b"data":
                    break
            else:
                raise _corrupt(path, "no samples")
            size = file.seek(0, 2)
    except RejectedFile as error:
        raise _corrupt(path, str(error)) from error
    if wav_format is None or (wav_format.tag, wav_format.sample_bytes) != (PCM, SAMPLE_BYTES):
        raise _corrupt(path, "another sample format")
    if size < chunk.start + chunk.size:
        raise _corrupt(path, f"{size} of {chunk.start + chunk.size} bytes")
    n_samples = chunk.size // wav_format.frame_bytes
    return WavInfo(wav_format.sample_rate, wav_format.n_channels, n_samples, stamp, chunk.start)


def read_wav(path: Path, start: int = 0, stop: int | None = None) -> Waveform:
    """Samples `start` to `stop` (exclusive; clipped to what exists) of one of our own files; reads nothing else."""
    info = wav_info(path)
    return Waveform(pcm16_to_float(read_pcm(path, info, start, stop)), info.sample_rate)


def read_pcm(path: Path, info: WavInfo, start: int = 0, stop: int | None = None) -> NDArray[np.int16]:
    """The same as 16-bit integers, shape (n_channels, n). `info`: of this file, from `wav_info`."""
    start = min(max(start, 0), info.n_samples)
    stop = info.n_samples if stop is None else min(max(stop, start), info.n_samples)
    with open(path, "rb") as file:
        file.seek(info.data_start + start * info.n_channels * SAMPLE_BYTES)
        pcm = np.fromfile(file, dtype="<i2", count=(stop - start) * info.n_channels)
    return np.ascontiguousarray(pcm.reshape(-1, info.n_channels).T)


def map_pcm(path: Path, info: WavInfo) -> NDArray[np.int16]:
    """All samples of one of our own files as a read-only memory map, shape (n_samples, n_channels)."""
    shape = (info.n_samples, info.n_channels)
    return np.memmap(path, "<i2", "r", info.data_start, shape) if info.n_samples else np.zeros(shape, np.int16)


def _format_body(sample_rate: int, n_channels: int) -> bytes:
    frame_bytes = n_channels * SAMPLE_BYTES
    byte_rate = min(sample_rate * frame_bytes, 0xFFFFFFFF)
    return struct.pack("<HHIIHH", PCM, n_channels, sample_rate, byte_rate, frame_bytes, 8 * SAMPLE_BYTES)


def _header(sample_rate: int, n_channels: int, n_samples: int, stamp: str) -> bytes:
    n_bytes = n_samples * n_channels * SAMPLE_BYTES
    comment = b"INFOICMT" + struct.pack("<I", STAMP_BYTES) + stamp.encode().ljust(STAMP_BYTES, b"\0")
    return b"".join(
        (
            *(b"RIFF", struct.pack("<I", HEADER_BYTES - 8 + n_bytes), b"WAVE"),
            *(b"fmt ", struct.pack("<I", 16), _format_body(sample_rate, n_channels)),
            *(b"LIST", struct.pack("<I", len(comment)), comment),
            *(b"data", struct.pack("<I", n_bytes)),
        )
    )


def _parse_stamp(body: bytes) -> str:
    return body[12:76].decode("ascii", "replace") if body[:8] == b"INFOICMT" else ""


def _corrupt(path: Path, what: str) -> CorruptArtifact:
    rule = f"{'/'.join(path.parts[-3:])} is a complete 16-bit WAV file that this program wrote"
    return CorruptArtifact(sentence(rule, what, "Import or generate the piece again."), code="corrupt_wav")
