"""Which sound format a file is, from its first bytes alone: names and claims are ignored. Light."""

from __future__ import annotations

from pathlib import Path

from musicgen.audio.mp3 import id3_size, parse_header

AUDIO_FORMATS = ("wav", "mp3", "flac", "ogg", "m4a")
HEAD_BYTES = 4096
MOST_TAGS = 8
MP4_BRANDS = frozenset(
    b"M4A M4B M4P M4V mp41 mp42 isom iso2 iso3 iso4 iso5 iso6 avc1 dash MSNV F4A 3gp4 3gp5 3gp6 qt".split()
)


def sniff_audio(head: bytes) -> str | None:
    """wav, mp3, flac, ogg or m4a by magic bytes; None for everything else.

    A file that opens with an ID3 tag longer than `head` counts as mp3; `sniff_audio_file` looks behind the tag."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp" and head[8:12].strip() in MP4_BRANDS:
        return "m4a"
    if tag := id3_size(head):
        return (sniff_audio(head[tag:]) or "mp3") if len(head) > tag else "mp3"
    return "mp3" if _starts_with_frames(head) else None


def sniff_audio_file(path: Path) -> str | None:
    """The same of a file on disk, looking behind ID3 tags of any length."""
    position = 0
    with open(path, "rb") as file:
        for _ in range(MOST_TAGS):
            file.seek(position)
            head = file.read(HEAD_BYTES)
            if not (size := id3_size(head)):
                return sniff_audio(head) or ("mp3" if position else None)
            position += size
    return "mp3"


def _starts_with_frames(head: bytes) -> bool:
    """A frame header at the very start and, where `head` reaches that far, a second one behind the frame."""
    first = parse_header(head[:4])
    if first is None:
        return False
    second = head[first.size : first.size + 4]
    return len(second) < 4 or parse_header(second) is not None
