"""The boxes of an MP4 or QuickTime file: its tracks, the announced length of its sound, and what else is inside.
Light; knows no samples.

Source: ISO/IEC 14496-12 and -14, and Apple's QuickTime File Format for older files. Every size is checked against the
box around it; nothing larger than a page is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAX_BOXES = 10_000
BODY_BYTES = 512
CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"))
OUTERMOST = frozenset(
    b"ftyp moov mdat free skip wide uuid udta meta moof mfra sidx ssix styp prft emsg pnot PICT pdin junk".split()
)
OBJECT_TYPES = {  # what an `mp4a` entry really holds, by its decoder description
    **dict.fromkeys((0x40, 0x66, 0x67, 0x68), "AAC"),
    **dict.fromkeys((0x69, 0x6B), "MP3"),
    **{0xA5: "AC-3", 0xA6: "E-AC-3", 0xA9: "DTS", 0xAD: "Opus", 0xDD: "Vorbis", 0xE1: "QCELP"},
}
CODECS = {
    **{b"alac": "ALAC", b"Opus": "Opus", b"fLaC": "FLAC", b"ac-3": "AC-3", b"ec-3": "E-AC-3"},
    **dict.fromkeys((b".mp3", b"ms\0\x55", b"mp3 "), "MP3"),
    **dict.fromkeys((b"sowt", b"twos", b"in24", b"in32", b"raw ", b"NONE", b"ipcm"), "PCM"),
    **dict.fromkeys((b"fl32", b"fl64", b"fpcm"), "floating-point PCM"),
    **{b"ulaw": "µ-law", b"alaw": "A-law", b"samr": "AMR", b"sawb": "AMR-WB", b"sawp": "AMR-WB+"},
    **dict.fromkeys((b"dtsc", b"dtse", b"dtsh", b"dtsl", b"dtsx"), "DTS"),
    **dict.fromkeys((b"mha1", b"mha2", b"mhm1", b"mhm2"), "MPEG-H"),
    **{b"mlpa": "Dolby TrueHD", b"ac-4": "AC-4", b"ima4": "IMA ADPCM", b"ms\0\x11": "IMA ADPCM", b"ms\0\x02": "ADPCM"},
    **{b"QDM2": "QDesign Music", b"QDMC": "QDesign Music", b"Qclp": "QCELP", b"agsm": "GSM", b"apac": "APAC"},
    **{b"MAC3": "MACE 3:1", b"MAC6": "MACE 6:1", b"owma": "WMA", b"wma ": "WMA", b"evrc": "EVRC", b"dvca": "DV sound"},
    **dict.fromkeys((b"drms", b"enca", b"aavd"), "locked"),
}
LPCM_FLAGS_AT, LPCM_IS_FLOAT = 60, 1  # in an entry of version 2


@dataclass
class Mp4Track:
    """A sound track: its codec by name, or as four letters; its announced length, None without one."""

    codec: str = ""
    seconds: float | None = None


@dataclass
class Mp4Survey:
    """The content of the boxes.

    Attributes:
        has_contents: it has a table of contents (`moov`); without one nothing can be decoded.
        sound: the sound tracks. n_pictures: number of picture tracks.
        is_fragmented: the sound is described piece by piece, not in the table.
        is_cut: a box ends after the end of the file.
        refers_outside: a track says that its data lies in another file.
        n_left_out: bytes at the end that are not a box.
        next_start: where another file begins that was appended to this one.
    """

    has_contents: bool = False
    sound: list[Mp4Track] = field(default_factory=list)
    n_pictures: int = 0
    is_fragmented: bool = False
    is_cut: bool = False
    refers_outside: bool = False
    n_left_out: int = 0
    next_start: int | None = None


def survey_boxes(file: BinaryIO, start: int = 0) -> Mp4Survey:
    """Walk through the boxes from `start` to the next file, skipping what cannot be read."""
    survey = Mp4Survey()
    end = file.seek(0, 2)
    track = Mp4Track()
    for kind, body_start, stop, depth in _walk(file, start, end):
        if depth == 0 and kind not in OUTERMOST and not body_start <= stop <= end:
            survey.n_left_out = end - body_start + 8
            break
        if depth == 0 and kind == b"ftyp" and survey.has_contents:
            survey.next_start = body_start - 8
            break
        survey.is_cut |= stop > end
        file.seek(body_start)
        body = file.read(min(stop - body_start, BODY_BYTES))
        if kind == b"moov":
            survey.has_contents = True
        elif kind == b"mvex":
            survey.is_fragmented = True
        elif kind == b"trak":
            track = Mp4Track()
        elif kind == b"mdhd":
            track.seconds = _media_seconds(body)
        elif kind == b"hdlr" and body[8:12] == b"soun":
            survey.sound.append(track)
        elif kind == b"hdlr" and body[8:12] == b"vide":
            survey.n_pictures += 1
        elif kind == b"stsd":
            track.codec = _codec(body[8:])
        elif kind == b"dref":
            survey.refers_outside |= _refers_outside(file, body_start, stop)
    return survey


def _walk(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """(kind, start and announced end of the body, depth) of every box; those inside a container come right after it."""
    stack = [(start, end, 0)]
    for _ in range(MAX_BOXES):
        if not stack:
            return
        position, limit, depth = stack.pop()
        if position + 8 > min(limit, end):  # a 64-bit size may point beyond any valid file position
            continue
        file.seek(position)
        header = file.read(16)
        size, kind, n_header = int.from_bytes(header[:4], "big"), header[4:8], 8
        if size == 1:
            size, n_header = int.from_bytes(header[8:16], "big"), 16
        size = limit - position if size == 0 and kind != bytes(4) else size
        if size < n_header:
            if depth == 0:
                yield b"", position + 8, position, 0
            continue
        stack.append((position + size, limit, depth))
        yield kind, position + n_header, position + size, depth
        if kind in CONTAINERS:
            stack.append((position + n_header, min(position + size, limit), depth + 1))


def _codec(entry: bytes) -> str:
    """The name of the first entry of a sample description; empty without one."""
    letters = entry[4:8]
    if letters == b"lpcm":
        is_float = int.from_bytes(entry[LPCM_FLAGS_AT : LPCM_FLAGS_AT + 4], "big") & LPCM_IS_FLOAT
        return "floating-point PCM" if is_float else "PCM"
    if letters == b"mp4a":
        return OBJECT_TYPES.get(_object_type(entry), "AAC")
    return CODECS.get(letters, letters.decode("latin-1").strip() if letters.isascii() else "")


def _object_type(entry: bytes) -> int:
    """ISO/IEC 14496-1: the descriptor of the stream (3) holds that of the decoder (4), which opens with its type."""
    at = entry.find(b"esds") + 8
    if at < 8 or entry[at : at + 1] != b"\x03":
        return 0
    at = _behind_length(entry, at + 1)
    flags = entry[at + 2] if at + 2 < len(entry) else 0
    at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
    if entry[at : at + 1] != b"\x04":
        return 0
    at = _behind_length(entry, at + 1)
    return entry[at] if at < len(entry) else 0


def _behind_length(entry: bytes, at: int) -> int:
    """A length has seven bits per byte and at most four bytes."""
    for _ in range(3):
        if at >= len(entry) or not entry[at] & 0x80:
            break
        at += 1
    return at + 1


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
        if len(entry) < 12 or size < 12:
            break
        if not entry[11] & 1:
            return True
        position += size
    return False
