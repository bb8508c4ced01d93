"""The length of the tags before, after and between the frames of a sound file. Light.

Source: id3.org (ID3v1, ID3v2), the APEv2 and Lyrics3 descriptions. Their content is never read.
"""

from __future__ import annotations

from typing import Protocol

ID3V1_BYTES = 128
ID3V1_EXTENDED_BYTES = 227
APE_HEADER_BYTES = 32
APE_IS_HEADER, APE_HAS_HEADER = 1 << 29, 1 << 31
LYRICS_ENDS = (b"LYRICS200", b"LYRICSEND")
MAX_LYRICS_BYTES = 1 << 20
MAX_TAGS = 64  # in a row


class Bytes(Protocol):
    """bytes, or a file in memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


def id3_size(head: bytes) -> int:
    """Length of the ID3v2 tag that `head` starts with, header included; 0 without one."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def tag_size(content: Bytes, position: int) -> int:
    """Length of the tag at `position`, as it declares; 0 if there is none."""
    head = content[position : position + APE_HEADER_BYTES]
    if head[:3] == b"ID3":
        return id3_size(head)
    if head[:4] == b"TAG+":
        return ID3V1_EXTENDED_BYTES
    if head[:3] == b"TAG":
        return ID3V1_BYTES
    if head[:8] == b"APETAGEX" and len(head) == APE_HEADER_BYTES:
        is_header = int.from_bytes(head[20:24], "little") & APE_IS_HEADER
        return APE_HEADER_BYTES + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head[:11] == b"LYRICSBEGIN":
        ends = [content.find(end, position, position + MAX_LYRICS_BYTES) for end in LYRICS_ENDS]
        return min((end for end in ends if end >= 0), default=position - 9) + 9 - position
    return 0


def behind_tags(content: Bytes, position: int) -> int:
    """Where a sequence of tags that begins at `position` ends: `position` itself if there is none."""
    for _ in range(MAX_TAGS):
        size = tag_size(content, position)
        if not size:
            break
        position += size
    return position


def tag_bytes_at_end(content: bytes) -> int:
    """Length of the tags at the end of `content`: ID3v1, APE, and ID3v2 with a footer."""
    end = len(content)
    for _ in range(MAX_TAGS):
        size = 0
        if content[max(end - ID3V1_BYTES, 0) : end].startswith(b"TAG"):
            size = ID3V1_BYTES
        elif content[max(end - APE_HEADER_BYTES, 0) : end].startswith(b"APETAGEX"):
            footer = content[end - APE_HEADER_BYTES : end]
            size = int.from_bytes(footer[12:16], "little")
            size += APE_HEADER_BYTES if int.from_bytes(footer[20:24], "little") & APE_HAS_HEADER else 0
        elif content[max(end - 10, 0) : end].startswith(b"3DI"):
            size = id3_size(b"ID3" + content[end - 7 : end])
        if not size:
            break
        end = max(end - size, 0)
    return len(content) - end
