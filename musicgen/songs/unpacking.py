"""Opens one zip archive; runs in a child process. Members are judged by their first bytes before they are unpacked.

Each becomes a numbered file: a name from an archive is only ever text. What is not music is never unpacked, so a
zip bomb costs nothing; music counts against the limits of one file and of the whole archive. Archives in
archives are refused. Messages: one for each entry, `{"member", "file" | "rejected" | "ignored"}`.
"""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from musicgen.charsets import decode_texts
from musicgen.errors import RejectedFile, sentence
from musicgen.processes import child_main, send_line
from musicgen.settings import settings
from musicgen.songs.content import HEAD_BYTES, refusal, sniff
from musicgen.songs.workplace import MB, disk_full, too_large
from musicgen.storage.zips import open_zip

CHUNK = 1 << 18
UTF8_FLAG, LOCKED_FLAG, UNICODE_NAME = 0x800, 0x1, 0x7075
MAX_NAMES_TIMES, MAX_NAMES_MORE = 4, 1000  # of an archive, for each file that it may hold: folders, hidden files
DAMAGE = (  # MemoryError: bzip2 and LZMA members say how much they unpack at once
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(OSError, ValueError, OverflowError, MemoryError),
)


@dataclass
class Budget:
    """Bytes that an archive may unpack to. Those of members that turn out to be damaged are spent as well: thousands
    of them would otherwise keep the machine busy for an hour."""

    size: int
    spent: int = 0

    @property
    def left(self) -> int:
        return self.size - self.spent


def unpack(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `archive` and `folder`, paths. Raises RejectedFile where the archive as a whole cannot be opened, and
    ResourceUnavailable where the disk is full."""
    budget = Budget(settings().max_zip_mb * MB)
    with _open(Path(payload["archive"])) as archive:
        names = member_names(archive.infolist())
        _check_count(archive, names)
        for index, (member, name) in enumerate(zip(archive.infolist(), names, strict=True)):
            if reason := reason_to_ignore(member, name):
                send_line({"member": name, "ignored": reason})
                continue
            target = Path(payload["folder"]) / str(index)
            try:
                _unpack_one(archive, member, name, target, budget)
            except RejectedFile as error:
                target.unlink(missing_ok=True)
                send_line({"member": name, "rejected": {"code": error.code, "message": str(error)}})
            else:
                send_line({"member": name, "file": target.name})
    return {"bytes": budget.spent}


def member_names(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names as they were meant. Without the UTF-8 flag, and without an extra field that has the name in
    Unicode, they are bytes, whose encoding is guessed from all of them together."""
    names = [_unicode_name(member) for member in members]
    raw = [member.filename.encode("cp437") for member, name in zip(members, names, strict=True) if name is None]
    decoded = iter(decode_texts(raw, from_dos=True))
    return [next(decoded) if name is None else name for name in names]


def _unicode_name(member: zipfile.ZipInfo) -> str | None:
    """The name, if the archive marks it as Unicode. Source: APPNOTE 4.4.4 (bit 11) and 4.6.9 (0x7075)."""
    if member.flag_bits & UTF8_FLAG:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeError:  # zipfile has read the extra field already
        return member.filename
    extra = member.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_NAME and len(field) > 5 and struct.unpack_from("<I", field, 1)[0] == zlib.crc32(raw):
            return field[5:].decode("utf-8", "replace")
    return None


def reason_to_ignore(member: zipfile.ZipInfo, name: str) -> str:
    """Why an entry is not a file that the user meant to add; empty if it is one."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if member.is_dir():
        return "a folder"
    if "__MACOSX" in parts:
        return "added by macOS"
    if any(part.startswith(".") for part in parts):
        return "a hidden file"
    if parts and parts[-1].lower() in ("thumbs.db", "desktop.ini"):
        return "added by Windows"
    return ""


def _open(path: Path) -> zipfile.ZipFile:
    try:
        limit = settings().max_zip_files
        rule = f"A zip archive holds at most {limit:,} files"
        return open_zip(path, MAX_NAMES_TIMES * limit + MAX_NAMES_MORE, rule, "Split it.")
    except DAMAGE as error:
        raise _damaged("A zip archive must be complete and undamaged", error) from error


def _check_count(archive: zipfile.ZipFile, names: Sequence[str]) -> None:
    limit = settings().max_zip_files
    count = sum(not reason_to_ignore(member, name) for member, name in zip(archive.infolist(), names, strict=True))
    if count > limit:
        rule = f"A zip archive may hold at most {limit:,} files"
        raise RejectedFile(sentence(rule, f"{count:,}", "Split it."), code="too_many_files")
    if count == 0:
        raise RejectedFile(sentence("A zip archive must contain files", "an empty archive"), code="empty")


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, target: Path, budget: Budget) -> None:
    """Unpack to `target`. Raises RejectedFile."""
    _check_member(member)
    try:
        with archive.open(member) as source:
            head = source.read(HEAD_BYTES)
            _check_kind(head, name)
            if member.file_size > budget.left:
                raise _too_much()
            _write(target, _pieces(source, head, budget))
    except RuntimeError as error:  # how zipfile says that it lacks a password
        raise _locked() from error
    except DAMAGE as error:
        raise _damaged("A file in an archive must be complete and undamaged", error) from error


def _write(target: Path, pieces: Iterator[bytes]) -> None:
    with open(target, "xb", buffering=0) as file:
        for piece in pieces:
            try:
                file.write(piece)
            except OSError as error:
                raise disk_full(error) from error


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & LOCKED_FLAG:
        raise _locked()
    if stat.S_ISLNK(member.external_attr >> 16):
        rule = "A song in an archive must be a file itself"
        raise RejectedFile(sentence(rule, "a link to another file"), code="not_a_file")
    if member.file_size > settings().max_upload_mb * MB:
        raise too_large(f"{member.file_size / MB:,.0f} MB")


def _check_kind(head: bytes, name: str) -> None:
    kind = sniff(head)
    if kind is None:
        raise refusal(head, name)
    if kind == "zip":
        rule = "An archive must not contain other archives"
        raise RejectedFile(sentence(rule, "a zip archive", "Unpack the outer one first."), code="archive")


def _pieces(source: IO[bytes], head: bytes, budget: Budget) -> Iterator[bytes]:
    """The content, piece by piece; RejectedFile as soon as it is too much, whatever the archive's directory says."""
    limit = settings().max_upload_mb * MB
    size, piece = 0, head
    while piece:
        size += len(piece)
        budget.spent += len(piece)
        if size > limit:
            raise too_large(f"more than {limit // MB} MB")
        if budget.left < 0:
            raise _too_much()
        yield piece
        piece = source.read(CHUNK)


def _too_much() -> RejectedFile:
    rule = f"The songs of one archive have at most {settings().max_zip_mb} MB together"
    return RejectedFile(sentence(rule, "more than that up to here", "Split it."), code="archive_too_large")


def _locked() -> RejectedFile:
    rule = "A zip archive must not need a password"
    return RejectedFile(sentence(rule, "a file locked with a password", "Unpack it first."), code="locked")


def _damaged(rule: str, error: Exception) -> RejectedFile:
    text = str(error) or type(error).__name__
    return RejectedFile(sentence(rule, text[:200].rstrip("."), "Download or pack it again."), code="archive_damaged")


if __name__ == "__main__":
    child_main(unpack)
