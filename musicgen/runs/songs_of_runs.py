"""The songs of a run: those that still exist, and an error for those that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from musicgen.clips import Clip
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import NotFound, sentence
from musicgen.storage import database
from musicgen.storage.database import runs, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from musicgen.audio.waveform import Waveform
    from musicgen.symbolic.score import Score

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


def told_when_read(songs: Sequence[TrainingSong], tell: Callable[[int, int], None]) -> list[TrainingSong]:
    """The same songs; when one is read for the first time, `tell` is called with (read so far, total)."""
    read: set[Path] = set()

    def on_read(folder: Path) -> None:
        if folder not in read:
            read.add(folder)
            tell(len(read), len(songs))

    return [replace(song, clip=_Told(song.clip.folder, on_read)) for song in songs]


@dataclass(frozen=True)
class _Told(Clip):
    """A clip that reports when it is read."""

    on_read: Callable[[Path], None]

    def waveform(self, start_seconds: float = 0.0, stop_seconds: float | None = None) -> Waveform:
        self.on_read(self.folder)
        return super().waveform(start_seconds, stop_seconds)

    def score(self) -> Score:
        self.on_read(self.folder)
        return super().score()


def change_request(run_id: str, request: Mapping[str, Any], *, task_id: str, fence: str) -> None:
    """Store the request of a run, for the worker with this fence. Does nothing if it was superseded."""
    is_ours = sa.exists().where(tasks.c.id == task_id, tasks.c.fence == fence)
    database.change(sa.update(runs).where(runs.c.id == run_id, is_ours).values(request=dict(request)))


def which_are_missing(chosen: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the songs that were removed."""
    return find_songs(chosen)[1]


def missing_songs(names: Sequence[str]) -> NotFound:
    """The error for songs that were removed."""
    listed = ", ".join(f"“{name}”" for name in names[:MAX_NAMED])
    listed += f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    remedy = "Add them again, or start a run with other songs."
    return NotFound(
        sentence(
            "A training needs all of its songs",
            f"{listed}, no longer in the library",
            remedy,
        ),
        code="missing_songs",
    )
