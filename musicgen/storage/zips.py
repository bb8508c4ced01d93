"""Zip archives that somebody else made, opened only where they are what they seem: no million of names to be read, no
members that lie on top of each other, so that few bytes become many thousand files. Unpacks nothing.

After D. Fifield, A better zip bomb (USENIX WOOT 2019), for the members that overlap.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from musicgen.errors import RejectedFile, sentence

ENTRY_BYTES = 1024  # of the directory, for one name: 46, the name itself, times and rights
HEADER_BYTES = 30  # before the content of each member, at least
DIRECTORY_SIGNATURE = b"PK\x01\x02"
NUM_ENTRIES, DIRECTORY_SIZE, END = 4, 5, 9  # places in what zipfile reads of the end of an archive


def open_zip(path: Path, most_names: int, rule: str, remedy: str) -> zipfile.ZipFile:
    """The archive, once its directory was found to be in order; takes milliseconds, whatever it holds.

    Args:
        most_names: that its directory may have.
        rule, remedy: what is said where it has more.

    Raises:
        RejectedFile: too many names, or members that overlap. BadZipFile, OSError: no archive, or a damaged one.
    """
    count = _count_names(path, most_names)
    if count > most_names:
        raise RejectedFile(sentence(rule, f"{count:,} names or more", remedy), code="too_many_files")
    archive = zipfile.ZipFile(path)
    try:
        _check_overlaps(archive)
    except BaseException:
        archive.close()
        raise
    return archive


def _count_names(path: Path, most_names: int) -> int:
    """How many there are at least, before zipfile makes an object of each: it reads as much of a directory as the end
    of the archive says, so this does. Stops counting where it is plain that they are too many."""
    with open(path, "rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # what ZipFile itself goes by
        if not end:
            raise zipfile.BadZipFile("no end of a directory")
        count, size = int(end[NUM_ENTRIES]), int(end[DIRECTORY_SIZE])
        if count > most_names or size > most_names * ENTRY_BYTES:
            return max(count, size // ENTRY_BYTES)
        file.seek(max(int(end[END]) - size, 0))
        return max(count, file.read(size).count(DIRECTORY_SIGNATURE))


def _check_overlaps(archive: zipfile.ZipFile) -> None:
    """Every member lies in a place of its own, before the directory."""
    ends_at = 0
    for member in sorted(archive.infolist(), key=lambda each: each.header_offset):
        if member.header_offset < ends_at:
            rule = "Each file in a zip archive lies in a place of its own"
            raise RejectedFile(sentence(rule, "files that overlap", "Pack it again."), code="archive_overlap")
        ends_at = member.header_offset + HEADER_BYTES + member.compress_size
    if ends_at > archive.start_dir:
        raise zipfile.BadZipFile("a file that reaches into the directory")
