"""The chunks of a RIFF/WAVE file, and its `fmt ` chunk. Knows no samples. Light: standard library only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from musicgen.errors import RejectedFile, sentence

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # the end of GUIDs that contain a format tag
SAMPLE_BYTES = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}
MAX_CHUNKS = 10_000
NAMES = {
    **{0x02: "ADPCM", 0x06: "A-law", 0x07: "µ-law", 0x08: "DTS", 0x11: "IMA ADPCM", 0x22: "TrueSpeech", 0x31: "GSM"},
    **{0x42: "G.723.1", 0x45: "G.726", 0x50: "MP2", 0x55: "MP3", 0x64: "G.726", 0x65: "G.722", 0xA1: "ATRAC"},
    **{0xFF: "AAC", 0x160: "WMA", 0x161: "WMA", 0x162: "WMA Pro", 0x163: "WMA Lossless", 0x270: "ATRAC3"},
    **{0x1600: "AAC", 0x1602: "AAC", 0x2000: "AC-3", 0x2001: "DTS", 0xA109: "Speex", 0xF1AC: "FLAC"},
    **dict.fromkeys((0x566F, 0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771), "Vorbis"),
}


@dataclass(frozen=True)
class Chunk:
    """`start` is the position of the body in the file, `size` its length in bytes by the header."""

    name: bytes
    start: int
    size: int


@dataclass(frozen=True)
class WavFormat:
    """How the samples of a WAV file are stored. `tag`: PCM or FLOAT."""

    tag: int
    n_channels: int
    sample_rate: int
    sample_bytes: int

    @property
    def frame_bytes(self) -> int:
        return self.n_channels * self.sample_bytes


def walk_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks after the 12 bytes of `RIFF size WAVE`, in order, up to the end of the file or the first invalid one.

    While a chunk is yielded, the file is at the start of its body and may be read there. On a pipe
    the caller must read each body completely.
    """
    position = 12
    for _ in range(MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        chunk = Chunk(header[:4], position + 8, int.from_bytes(header[4:], "little"))
        yield chunk
        position = chunk.start + chunk.size + chunk.size % 2
        if file.seekable():
            file.seek(position)


def parse_format(body: bytes) -> WavFormat:
    """Reads a `fmt ` chunk. Raises RejectedFile for anything but PCM and float samples (format tags 1, 3, 0xFFFE):
    other codecs in WAV files are rare, and their decoders old."""
    if len(body) < 16:
        raise RejectedFile(sentence("A WAV file must describe its samples", "a header cut short"), code="damaged")
    tag, n_channels, sample_rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 40 and body[26:40] == SUBFORMAT_TAIL:
        tag = int.from_bytes(body[24:26], "little")
    sample_bytes = frame_bytes // n_channels if n_channels else 0
    if tag not in SAMPLE_BYTES:
        what = NAMES.get(tag, f"format tag {tag:#06x}")
        raise RejectedFile(
            sentence("A WAV file must hold PCM or float samples", what, "Save it as 16-bit PCM WAV or as FLAC."),
            code="unsupported_codec",
        )
    if _is_odd(tag, n_channels, frame_bytes, bits) and bits % 8 == 0:  # players go by the bits
        sample_bytes = bits // 8
        frame_bytes = n_channels * sample_bytes
    if _is_odd(tag, n_channels, frame_bytes, bits):
        raise RejectedFile(
            sentence(
                "A WAV file must have samples of 8, 16, 24 or 32 bits, or floats of 32 or 64 bits",
                f"{bits} bits in {frame_bytes} bytes for {n_channels} channels",
            ),
            code="damaged",
        )
    return WavFormat(tag, n_channels, sample_rate, sample_bytes)


def _is_odd(tag: int, n_channels: int, frame_bytes: int, bits: int) -> bool:
    """Whether samples of so many bits do not fit into frames of so many bytes."""
    sample_bytes, rest = divmod(frame_bytes, n_channels) if n_channels else (0, 0)
    return bool(n_channels and (sample_bytes not in SAMPLE_BYTES[tag] or rest or not 0 < bits <= 8 * sample_bytes))
