"""Which sound format a file has, from its first bytes alone: its name is ignored. Light.

Skips what a player skips in front of the sound: tags, junk, zeros, the rest of a cut frame.
"""

from __future__ import annotations

import re
from pathlib import Path

from musicgen.audio.foreign import foreign_magic
from musicgen.audio.mp3 import find_frames, parse_header
from musicgen.audio.tags import behind_tags, tag_size

AUDIO_FORMATS = ("wav", "mp3", "flac", "ogg", "m4a")
SEARCHED_BYTES = (1 << 16) + 4096  # for the first frame and those that follow it
MAX_TAGS = 8
TAGS_OF_MP3 = (b"ID3", b"APETAGEX")
SURE_BYTES = 4  # of a mark
IN_A_ROW = 3  # mp3 frames after junk
PICTURE_BRANDS = frozenset(b"heic heix heim heis hevc hevx mif1 msf1 avif avis jp2 jpx jpm mjp2 crx".split())
QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof")
BURIED = (  # how a file begins after junk
    ("flac", re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")),
    ("ogg", re.compile(rb"OggS\x00\x02\x00{8}")),
    ("wav", re.compile(rb"RIFF[\x00-\xff]{4}WAVEfmt ")),
)


def sniff_audio(head: bytes) -> str | None:
    """wav, mp3, flac, ogg or m4a by the first SEARCHED_BYTES bytes, or as many as there are; None for
    everything else.

    A file that opens with an ID3 tag longer than `head` counts as mp3; `sniff_audio_file` looks after the tag."""
    behind = behind_tags(head, 0)
    if format := _at_start(head) or (_at_start(head[behind:]) if 0 < behind < len(head) else None):
        return format
    if foreign_magic(head[behind:], least=0 if behind else SURE_BYTES):
        return None
    if behind and head.startswith(TAGS_OF_MP3):
        return "mp3"
    return _behind_junk(head)


def sniff_audio_file(path: Path) -> str | None:
    """The same for a file on disk, looking after ID3 tags of any length."""
    position = 0
    with open(path, "rb") as file:
        for _ in range(MAX_TAGS):
            file.seek(position)
            head = file.read(SEARCHED_BYTES)
            if not (size := tag_size(head, 0)):
                return sniff_audio(head) or ("mp3" if position else None)
            position += size
    return "mp3"


def _at_start(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return None if head[8:12].strip() in PICTURE_BRANDS else "m4a"
    if head[4:8] in QUICKTIME_BOXES and (head[:2] == bytes(2) or head[4:8] == b"mdat"):
        return "m4a"
    return "mp3" if _starts_with_frames(head) else None


def _starts_with_frames(head: bytes) -> bool:
    """A frame header at the very start and, if `head` reaches that far, a second one after the frame."""
    first = parse_header(head[:4])
    if first is None:
        return False
    second = head[first.size : first.size + 4]
    return len(second) < 4 or parse_header(second) is not None


def _behind_junk(head: bytes) -> str | None:
    """What begins somewhere in `head`: the first format with a mark of its own, else mp3."""
    found = [(match.start(), format) for format, mark in BURIED if (match := mark.search(head))]
    if found:
        return min(found)[1]
    return "mp3" if find_frames(head, 0, in_a_row=IN_A_ROW) >= 0 else None
