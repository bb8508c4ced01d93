"""The songs that a run was asked to learn from: those that are still there, and a sentence about those that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicgen.approaches.base import TrainingSong
from musicgen.errors import NotFound, sentence

MAX_NAMED = 5


def find_songs(chosen: Sequence[Mapping[str, Any]]) -> tuple[list[TrainingSong], list[str]]:
    """The songs of a request as approaches see them, and the names of those that were removed."""
    from musicgen.songs.library import songs_of

    there = {song.id: song for song in songs_of([choice["id"] for choice in chosen])}
    found, missing = [], []
    for choice in chosen:
        if choice["id"] not in there:
            missing.append(str(choice["name"]))
            continue
        song, tracks = there[choice["id"]], choice.get("tracks")
        found.append(TrainingSong(song.id, song.name, song.clip, None if tracks is None else tuple(tracks)))
    return found, missing


def which_are_missing(chosen: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the songs that were removed."""
    return find_songs(chosen)[1]


def missing_songs(names: Sequence[str]) -> NotFound:
    """The error that names them."""
    listed = ", ".join(f"“{name}”" for name in names[:MAX_NAMED])
    listed += f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    remedy = "Add them again, or start a run with other songs."
    return NotFound(sentence("A training needs all of its songs", f"{listed} removed", remedy), code="missing_songs")
