"""Zip archives that were made to do harm, from nothing: members that overlap, a million of names."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
DEFLATED = 8


def local_header(name: bytes, content: bytes, packed: bytes) -> bytes:
    fixed = (20, 0, DEFLATED, 0, 0x21, zlib.crc32(content), len(packed), len(content), len(name), 0)
    return LOCAL + struct.pack("<5H3L2H", *fixed) + name


def central_header(name: bytes, crc: int, packed: int, size: int, offset: int, method: int = DEFLATED) -> bytes:
    fixed = (20, 20, 0, method, 0, 0x21, crc, packed, size, len(name), 0, 0, 0, 0, 0, offset)
    return CENTRAL + struct.pack("<6H3L5H2L", *fixed) + name


def end(count: int, size: int, offset: int) -> bytes:
    return END + struct.pack("<4H2LH", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, offset, 0)


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def same_content_many_times(path: Path, content: bytes, count: int, suffix: str = "wav") -> Path:
    """`count` names for one member: a full overlap."""
    packed = deflated(content)
    body = local_header(b"0." + suffix.encode(), content, packed) + packed
    entries = b"".join(
        central_header(f"{number}.{suffix}".encode(), zlib.crc32(content), len(packed), len(content), 0)
        for number in range(count)
    )
    path.write_bytes(body + entries + end(count, len(entries), len(body)))
    return path


def quoting(path: Path, content: bytes, count: int) -> Path:
    """Each member quotes the header of the next one in a block that is not packed, and goes on with it: every one of
    them unpacks to the headers behind it and to all of `content`. (Fifield, figure 5.)"""
    packed = deflated(content)
    body, offset_of, entries = b"", [], []
    headers = []
    inner, size = packed, content
    for number in reversed(range(count)):
        name = f"{number:04d}.wav".encode()
        header = local_header(name, size, inner)
        headers.append((name, zlib.crc32(size), len(inner), len(size), header))
        quote = b"\x00" + struct.pack("<2H", len(header), len(header) ^ 0xFFFF) + header
        inner, size = quote + inner, header + size
    headers.reverse()
    place = 0
    for number, (name, crc, length, full, header) in enumerate(headers):
        place += 0 if number == 0 else 5
        offset_of.append(place)
        body += (b"" if number == 0 else b"\x00" + struct.pack("<2H", len(header), len(header) ^ 0xFFFF)) + header
        entries.append(central_header(name, crc, length, full, place))
        place += len(header)
    body += packed
    directory = b"".join(entries)
    path.write_bytes(body + directory + end(count, len(directory), len(body)))
    return path


def many_names(path: Path, count: int, *, told: int | None = None) -> Path:
    """So many empty files; `told`: what the end says instead."""
    body = local_header(b"0.mid", b"", b"")
    entries = b"".join(central_header(b"%d.mid" % number, 0, 0, 0, 0) for number in range(count))
    path.write_bytes(body + entries + end(count if told is None else told, len(entries), len(body)))
    return path


def spoil_checksums(path: Path) -> Path:
    """Every member is damaged, as its unpacking shows at the end."""
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    content = bytearray(path.read_bytes())
    while (start := content.find(CENTRAL, start)) >= 0:
        content[start + 16] ^= 0xFF
        start += 46
    path.write_bytes(content)
    return path
