"""Opens zip archives from others safely: not with a million names to read, nor with members that overlap, which can
turn a few bytes into thousands of files. Unpacks nothing.

After D. Fifield, A better zip bomb (USENIX WOOT 2019), for the members that overlap.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from musicgen.errors import RejectedFile, sentence

ENTRY_BYTES = 1024  # of the directory, for one name: 46, the name itself, times and permissions
HEADER_BYTES = 30  # before the content of each member, at least
DIRECTORY_SIGNATURE = b"PK\x01\x02"
NUM_ENTRIES, DIRECTORY_SIZE, END = 4, 5, 9  # places in what zipfile reads of the end of an archive


def open_zip(path: Path, most_names: int, rule: str, remedy: str) -> zipfile.ZipFile:
    """The archive, once its directory has been checked. Takes milliseconds, whatever it holds.

    Args:
        most_names: limit for its directory.
        rule, remedy: of the error if it has more.

    Raises:
        RejectedFile: too many names, or members that overlap. BadZipFile, OSError: not an archive, or a damaged one.
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
    """At least how many names there are, before zipfile makes an object of each. Reads as much of the directory as
    zipfile would, which is what the end of the archive declares. Does not read it if that is clearly too much."""
    with open(path, "rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # what ZipFile itself uses
        if not end:
            raise zipfile.BadZipFile("no end of a directory")
        count, size = int(end[NUM_ENTRIES]), int(end[DIRECTORY_SIZE])
        if count > most_names or size > most_names * ENTRY_BYTES:
            return max(count, size // ENTRY_BYTES)
        file.seek(max(int(end[END]) - size, 0))
        return max(count, file.read(size).count(DIRECTORY_SIGNATURE))


def _check_overlaps(archive: zipfile.ZipFile) -> None:
    """Members may not overlap, and all lie before the directory."""
    ends_at = 0
    for member in sorted(archive.infolist(), key=lambda each: each.header_offset):
        if member.header_offset < ends_at:
            rule = "Files in a zip archive may not overlap"
            raise RejectedFile(sentence(rule, "files that do", "Create the archive again."), code="archive_overlap")
        ends_at = member.header_offset + HEADER_BYTES + member.compress_size
    if ends_at > archive.start_dir:
        raise zipfile.BadZipFile("a file that reaches into the directory")
