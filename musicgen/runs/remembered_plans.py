"""Plans that were made before, kept in the storage folder: per approach, songs, seed and version of the program, each
with the settings that it depends on. Light.

    plans/<name>.json      {"plans": [{"settings": …, "found": …}, …]}, the newest first

Only ever a copy of what can be made again: a file that is damaged, too old or in the way counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.clips.clip import AUDIO, FACTS, SCORE
from musicgen.errors import MusicgenError
from musicgen.runs.program_stamp import program_stamp
from musicgen.settings import home
from musicgen.songs.library import song_folder
from musicgen.storage.files import read_json, write_json

MAX_FILES, MAX_PLANS = 64, 12
MAX_BYTES = 1 << 20  # of one file
PARTS = frozenset(
    ("facts", "floors", "warnings", "left_out", "networks", "parameters", "flops_per_epoch", "flops_per_step",
     "memory_bytes", "settings")
)  # fmt: skip


def plans_folder() -> Path:
    return home() / "plans"


def remembered(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `planning.plan` would find, if it was found before. Never raises."""
    try:
        path = _path(request)
        for each in _read(path):
            if all(request["training"].get(name) == value for name, value in each["settings"].items()):
                os.utime(path)
                return each
    except (MusicgenError, OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def remember(request: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Keep what `planning.plan` found. Never raises: without it, it is found again."""
    with suppress(MusicgenError, OSError, ValueError, KeyError, TypeError, AttributeError):
        path = _path(request)
        kept = [found, *(each for each in _read(path) if each["settings"] != found["settings"])][:MAX_PLANS]
        while len(json.dumps(kept)) > MAX_BYTES and kept:
            kept.pop()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_json(path, {"plans": kept}, survives_power_cut=False)
        _keep_few(path.parent)


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file() or path.stat().st_size > 2 * MAX_BYTES:
        return []
    plans = read_json(path, {})["plans"]
    return [each for each in plans if set(each) == PARTS and isinstance(each["settings"], dict)]


def _path(request: Mapping[str, Any]) -> Path:
    told = [
        program_stamp(), request["approach"], request["songs"], _files(request["songs"]), request["seed"],
        bool(request.get("leave_out")), bool(request["build"]),
    ]  # fmt: skip
    return plans_folder() / f"{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]}.json"


def _files(songs: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, int]]]:
    """Size and time of what is read of each song: it could have been damaged, removed or put back."""
    return [
        [_stamp(song_folder(song["id"]) / name) for name in (FACTS, AUDIO if song["medium"] == "audio" else SCORE)]
        for song in songs
    ]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError:
        return -1, -1
    return about.st_size, about.st_mtime_ns


def _keep_few(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MAX_FILES:]:
        path.unlink(missing_ok=True)
