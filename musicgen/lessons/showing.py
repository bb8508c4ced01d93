"""What is heard and seen of an attempt, for pages and reports: lanes of pieces beside a song, and shared passages.

Of several pieces made alike the first one is shown. What was deleted since is left out, and `missing` names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.errors import NotFound
from musicgen.evaluation.borrowing_words import moved_words, passages_between
from musicgen.lessons.following import outputs_of, runs_of
from musicgen.lessons.lesson import View

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.lessons.attempts import Attempt
    from musicgen.runs.records import Output, Run

COLOURS = ("#d9822b", "#1f9e89", "#c8557b", "#3f88c5")  # of passages, as on the Compare page
SONG = "song"  # id of the lane of the song


@dataclass(frozen=True)
class Lane:
    """One piece. `role`: reference for the song, generated for a piece; `piece_id`: of the song or the output."""

    id: str
    title: str
    clip: Clip
    role: str
    piece_id: str


@dataclass(frozen=True)
class Mark:
    """A passage in a lane, in seconds; those with the same `group` are the same music."""

    lane: str
    start: float
    stop: float
    group: str
    label: str
    colour: str


@dataclass(frozen=True)
class Shown:
    """A view, ready to be drawn: runs for their curves, or lanes with their marks."""

    view: View
    runs: tuple[Run, ...] = ()
    lanes: tuple[Lane, ...] = ()
    marks: tuple[Mark, ...] = ()
    missing: tuple[str, ...] = ()


def shown(attempt: Attempt) -> list[Shown]:
    """All views of the lesson, with what this attempt has of them."""
    runs, outputs = runs_of(attempt), outputs_of(attempt)
    return [
        _curves(attempt, view, runs) if view.kind == "curves" else _player(attempt, view, outputs)
        for view in attempt.lesson.see
    ]


def _curves(attempt: Attempt, view: View, runs: Mapping[str, Run]) -> Shown:
    missing = tuple(attempt.lesson.run(name).title for name in view.runs if name not in runs)
    return Shown(view, runs=tuple(runs[name] for name in view.runs if name in runs), missing=missing)


def _player(attempt: Attempt, view: View, outputs: Mapping[str, Sequence[Output]]) -> Shown:
    lesson = attempt.lesson
    there = {name: outputs[name][0] for name in view.pieces if outputs.get(name)}
    missing = [lesson.pieces(name).title for name in view.pieces if name not in there]
    lanes = [Lane(name, lesson.pieces(name).title, piece.clip, "generated", piece.id) for name, piece in there.items()]
    marks: list[Mark] = []
    if view.with_song:
        song_id = _song_of(attempt, list(there.values())) if view.passages else attempt.songs[0]["id"]
        song = _song_lane(song_id)
        if song is None:
            missing.append("the song")
        else:
            lanes.insert(0, song)
            marks = _marks(there, song_id) if view.passages else []
    return Shown(view, lanes=tuple(lanes), marks=tuple(marks), missing=tuple(missing))


def _song_lane(song_id: str) -> Lane | None:
    from musicgen.songs.library import get_song

    try:
        song = get_song(song_id)
    except NotFound:
        return None
    return Lane(SONG, song.name, song.clip, "reference", song.id)


def _song_of(attempt: Attempt, pieces: Sequence[Output]) -> str:
    """The song that shares most with the pieces; the first one if none shares anything."""
    seconds: dict[str, float] = {}
    for piece in pieces:
        for each in (piece.sidecar.get("originality") or {}).get("passages") or ():
            seconds[each["song_id"]] = seconds.get(each["song_id"], 0.0) + each["stop"] - each["start"]
    known = [song["id"] for song in attempt.songs]
    return max((each for each in seconds if each in known), key=lambda each: seconds[each], default=known[0])


def _marks(pieces: Mapping[str, Output], song_id: str) -> list[Mark]:
    marks: list[Mark] = []
    number = 0
    for name, piece in pieces.items():
        found: Sequence[Mapping[str, Any]] = passages_between(piece.sidecar.get("originality"), song_id)
        for each in found:
            number += 1
            group, colour = f"passage {number}", COLOURS[number % len(COLOURS)]
            label = f"Passage {number}: {moved_words(each)}"
            marks.append(Mark(name, each["start"], each["stop"], group, label, colour))
            marks.append(Mark(SONG, each["song_start"], each["song_stop"], group, label, colour))
    return marks
