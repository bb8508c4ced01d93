"""The shared folder. No file in it is locked, none is a database, and each is complete or absent.

objects/ab/<sha256>        files that attempts are given, named by their content
program/<stamp>/           this program, so that nodes run the same version
tasks/<task>/fence.json    {"number"}: of the attempt that may write; written by this machine only
tasks/<task>/000003/       attempt 3
    order.json             what it is given: rows of the record, files with their sha256
    wish.json              {"wish"}: "", cancel or pause; written by this machine only
    lease.json             {"number", "beat", …}: renewed by the node every few seconds
    progress.json …        results, as in the folder of a run
    outcome.json           how it ended; the last file that the node writes
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.errors import CorruptArtifact, sentence
from musicgen.processes import ROOT
from musicgen.runs.program_stamp import program_stamp
from musicgen.storage.database import check_id
from musicgen.storage.files import CHUNK, publishing, read_json, write_json

OLD_SECONDS = 24 * 3600.0  # files by content that nothing has needed for so long are removed


class Attempt:
    """One attempt at a task. `number` counts from 1 and never occurs twice for a task."""

    def __init__(self, shared: Path, task_id: str, number: int) -> None:
        self.shared, self.task_id, self.number = shared, check_id("task", task_id), number
        self.task_folder = shared / "tasks" / self.task_id
        self.folder = self.task_folder / f"{number:06d}"

    def order(self) -> dict[str, Any]:
        return _document(self.folder / "order.json")

    def lease(self) -> dict[str, Any]:
        return _document(self.folder / "lease.json")

    def outcome(self) -> dict[str, Any]:
        return _document(self.folder / "outcome.json")

    def wish(self) -> str:
        return str(_document(self.folder / "wish.json").get("wish") or "")

    def express(self, wish: str) -> None:
        write_json(self.folder / "wish.json", {"wish": wish})

    def is_current(self) -> bool:
        """Whether this attempt may write. Raises OSError if the shared folder cannot be read."""
        return current_number(self.shared, self.task_id) == self.number

    def revoke(self) -> None:
        """From now on nobody may write for this task. Its results so far stay until `forget`."""
        write_json(self.task_folder / "fence.json", {"number": 0})

    def forget(self) -> None:
        """Remove all that was exchanged for this task. A worker that still lives finds no fence, and ends."""
        shutil.rmtree(self.task_folder, ignore_errors=True)


def current_number(shared: Path, task_id: str) -> int:
    """The number of the attempt that may write; 0 if none may. Raises OSError."""
    found = read_json(shared / "tasks" / task_id / "fence.json", {})
    number = found.get("number") if isinstance(found, dict) else None
    return number if isinstance(number, int) else 0


def new_attempt(shared: Path, task_id: str, after: int) -> Attempt:
    """The next attempt, with a number above `after`. It may not write before `grant`."""
    number = max([after, *_numbers(shared / "tasks" / check_id("task", task_id))]) + 1
    while True:
        attempt = Attempt(shared, task_id, number)
        attempt.task_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            attempt.folder.mkdir(mode=0o700)  # of two machines that try, one gets the number
            return attempt
        except FileExistsError:
            number += 1


def grant(attempt: Attempt, order: dict[str, Any]) -> None:
    """Let this attempt write, and no other one any more."""
    attempt.express("")
    write_json(attempt.folder / "order.json", order)
    write_json(attempt.task_folder / "fence.json", {"number": attempt.number})
    for number in _numbers(attempt.task_folder):
        if number < attempt.number:
            shutil.rmtree(Attempt(attempt.shared, attempt.task_id, number).folder, ignore_errors=True)


def _numbers(task_folder: Path) -> list[int]:
    try:
        return [int(path.name) for path in task_folder.iterdir() if path.name.isdigit()]
    except FileNotFoundError:
        return []


def store(shared: Path, path: Path) -> str:
    """Put a file into the shared folder unless its content is there; returns its sha256."""
    partial = shared / "objects" / f".{uuid.uuid4().hex}"
    partial.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(path, "rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        target = object_path(shared, sha256)
        if target.is_file() and target.stat().st_size == path.stat().st_size:
            os.utime(target)  # so that `tidy` keeps it
            return sha256
        sha256 = _copy(path, partial)
        target = object_path(shared, sha256)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.replace(partial, target)
        return sha256
    finally:
        partial.unlink(missing_ok=True)


def fetch(shared: Path, sha256: str, target: Path) -> None:
    """Copy a file out of the shared folder. Raises CorruptArtifact if it is missing or has another content."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rule, remedy = "Files must reach a node as they were sent", "Start the run again; the files are sent anew."
    try:
        found = _copy(object_path(shared, sha256), target)
    except FileNotFoundError as error:
        raise CorruptArtifact(sentence(rule, f"no file {sha256[:12]}… in the shared folder", remedy)) from error
    if found != sha256:
        target.unlink(missing_ok=True)
        object_path(shared, sha256).unlink(missing_ok=True)  # or it would be taken for the right one again
        raise CorruptArtifact(sentence(rule, f"{target.name} with another content", remedy), code="damaged_on_the_way")


def object_path(shared: Path, sha256: str) -> Path:
    """Where the file with this content is. Raises ValueError for what is no sha256."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"not a sha256: {sha256[:80]!r}")
    return shared / "objects" / sha256[:2] / sha256


def _copy(source: Path, target: Path) -> str:
    """The sha256 of what was copied. Synced to disk."""
    digest = hashlib.sha256()
    with open(source, "rb") as read, open(target, "wb") as written:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    return digest.hexdigest()


def publish_program(shared: Path) -> Path:
    """The folder in which nodes find this version of the program."""
    target = shared / "program" / program_stamp()[:16]
    if not target.is_dir():
        with suppress(OSError), publishing(target) as folder:  # another process may be faster
            shutil.copytree(ROOT / "musicgen", folder / "musicgen", ignore=shutil.ignore_patterns("__pycache__"))
    if not target.is_dir():
        raise OSError(f"the program could not be copied to {target}")
    return target


def tidy(shared: Path, needed: Callable[[], set[str]], *, clock: Callable[[], float] = time.time) -> None:
    """Remove files by content that no attempt needs and that were not used for a day. `needed`: their sha256."""
    limit = clock() - OLD_SECONDS
    old = [path for path in (shared / "objects").glob("*/*") if path.stat().st_mtime < limit]
    kept = needed() if old else set()
    for path in old:
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _document(path: Path) -> dict[str, Any]:
    """{} if it is not there, or not reachable at the moment."""
    try:
        found = read_json(path, {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
