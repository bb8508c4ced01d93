"""Tells whether the program was changed since a process loaded it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import musicgen
from musicgen.runs.versions import RECORDED, backend_name, version_of


def program_stamp() -> str:
    """Another text whenever a file of the program, or a library that affects results, is another one. Takes a few
    milliseconds."""
    digest = hashlib.sha256(repr([(name, version_of(name)) for name in (backend_name(), *RECORDED)]).encode())
    for line in sorted(_files(Path(musicgen.__file__).parent)):
        digest.update(line.encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.name.endswith(".py"):
            about = entry.stat()
            yield f"{entry.path} {about.st_size} {about.st_mtime_ns}"
