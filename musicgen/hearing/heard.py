"""Songs heard as notes, for pages and the command line: the work runs in child processes, and what was heard is kept
with the song. Light: NumPy only.

    songs/<id>/heard/   notes.npz (all notes and the beats), facts.json, and a clip for each choice of notes
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from musicgen.clips.alone import alone
from musicgen.clips.clip import Clip
from musicgen.errors import Cancelled, InvalidInput, ResourceUnavailable, WrongState, sentence
from musicgen.hearing.beats import BeatGrid
from musicgen.hearing.notes import HeardNotes
from musicgen.processes import Child, ChildError, error_from_json, run_child
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import Song
from musicgen.songs.names import file_name
from musicgen.songs.report import ImportReport
from musicgen.storage.files import read_json

FOLDER, NOTES, FACTS, LOCK = "heard", "notes.npz", "facts.json", ".heard.lock"
VERSION = 2  # of what is stored; what another version has heard is heard again
STARTING_SECONDS = 6.0  # on two cores: loading the network's runtime, and finding the beats
WORK_PER_SECOND = 0.05  # on two cores: seconds of work for a second of sound
TIMES_LONGER, PATIENCE_SECONDS = 20.0, 120.0  # for slow and busy machines
DRAFT_SECONDS = 60.0
LOOK_SECONDS = 0.25
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}  # 17,000 weights need no graphics card

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Heard:
    """What was heard in a song. `facts`: num_notes, tempo, is_steady, is_beat_found, metre, upbeat, cpu_seconds."""

    notes: HeardNotes
    grid: BeatGrid
    facts: dict[str, Any]


def estimate_seconds(seconds: float) -> float:
    """About how long two idle cores need to hear a song of this length."""
    return STARTING_SECONDS + WORK_PER_SECOND * seconds


def read_heard(clip: Clip) -> Heard | None:
    """What was heard in a song, if it was; None also if its files are from another version or damaged."""
    folder = clip.folder / FOLDER
    try:
        facts = read_json(folder / FACTS)
        if not isinstance(facts, dict) or facts.get("version") != VERSION:
            return None
        with open(folder / NOTES, "rb") as file, np.load(file, allow_pickle=False) as stored:
            notes = HeardNotes(*(stored[each.name] for each in fields(HeardNotes)))
            times = stored["beats"]
        named = (facts[name] for name in ("metre", "upbeat", "tempo", "is_steady", "is_beat_found"))
        grid = BeatGrid(times, *named)
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return Heard(notes, grid, facts)


def hear(
    song: Song,
    *,
    on_progress: OnProgress = lambda _phase, _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Heard:
    """Hear the notes in a song that is sound, once: later calls return what was heard.

    Args:
        on_progress: called with (phase, windows done, windows in all).
        should_stop: asked several times a second; True ends the work at once.

    Raises:
        InvalidInput: a MIDI song, or one without a single note. ResourceUnavailable: the network is missing, or the
        machine too busy. Cancelled: stopped.
    """
    if song.medium != "audio":
        rule = "A song that is to be heard as notes must be sound"
        raise InvalidInput(sentence(rule, f"the MIDI song “{song.name}”", "It already has notes."), code="not_audio")
    limit = PATIENCE_SECONDS + TIMES_LONGER * estimate_seconds(song.seconds)
    clip = song.clip
    with alone(clip.folder / LOCK, f"The notes of a song must be heard within {limit:,.0f} s", patience=limit):
        found = read_heard(clip)
        if found is None:
            _hear_in_child(clip, limit, on_progress, should_stop)
            found = read_heard(clip)
    if found is None:
        raise WrongState(
            sentence("What was heard in a song must be readable", "files that have just gone", "Try again.")
        )
    return found


def draft(song: Song, least: float) -> Clip:
    """The notes with at least this confidence as a clip, written once. Raises InvalidInput if none is left."""
    name = f"{song.id}.heard-{round(100 * least):02d}"
    clip = Clip(song.folder / FOLDER / name)
    if (clip.folder / FACTS).is_file():
        return clip
    heard = read_heard(song.clip)
    if heard is not None and not heard.notes.above(least).num_notes:
        rule = "At least one note must be left"
        received = f"none with a confidence of {least:.0%} or more"
        raise InvalidInput(sentence(rule, received, "Choose a smaller confidence."), code="no_notes")
    with alone(song.folder / LOCK, f"Notes must be written within {DRAFT_SECONDS:g} s", patience=DRAFT_SECONDS):
        if not (clip.folder / FACTS).is_file():
            payload = {"folder": str(song.folder.resolve()), "name": name, "least": least}
            run_child("musicgen.hearing.drafting", payload, seconds=DRAFT_SECONDS)
    return clip


def add_heard(song: Song, least: float) -> ImportReport:
    """Add the notes with at least this confidence to the library, as a MIDI song that says where it comes from.

    Raises InvalidInput if no note is left."""
    path = draft(song, least).score_path
    name = file_name(heard_name(song.name), "mid")
    return add_uploads([Upload(name, path=path)], source=f"heard from “{song.name}” ({song.id})", rights=song.rights)


def heard_name(name: str) -> str:
    """The name of the notes heard in the song of this name."""
    return f"{name}, heard as notes" if len(name) <= 100 else f"{name[:99]}…, heard as notes"


def _hear_in_child(clip: Clip, limit: float, on_progress: OnProgress, should_stop: Callable[[], bool]) -> None:
    payload = {"folder": str(clip.folder.resolve())}
    deadline = time.monotonic() + limit
    with Child("musicgen.hearing.hearing", payload, environment=ENVIRONMENT) as child:
        while True:
            if should_stop():
                raise Cancelled("Stopped. Nothing was kept.")
            try:
                message = child.receive(LOOK_SECONDS)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise _too_slow(limit) from None
                continue
            if message is None:
                raise child.crash()
            if "error" in message:
                raise error_from_json(message["error"]) or ChildError(message["error"]["message"])
            if "result" in message:
                return
            on_progress(message["phase"], message["done"], message["total"])


def _too_slow(limit: float) -> ResourceUnavailable:
    rule = f"The notes of this song must be heard within {limit:,.0f} s"
    return ResourceUnavailable(
        sentence(rule, "no result in that time", "Try again when the machine is less busy."), code="timeout"
    )
