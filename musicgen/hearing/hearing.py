"""Child: hears the notes in the sound of a song. Started by `heard.hear`.

Messages on the way: `{"phase": "listening" or "finding beats", "done": windows, "total": windows}`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.wav import WavInfo, read_wav, wav_info
from musicgen.child import child_main, send_line
from musicgen.clips.clip import Clip
from musicgen.errors import InvalidInput, sentence
from musicgen.hearing.beats import BeatGrid, find_beats
from musicgen.hearing.heard import FACTS, FOLDER, NOTES, VERSION
from musicgen.hearing.network import hear_windows
from musicgen.hearing.notes import HeardNotes, find_notes
from musicgen.hearing.windows import SAMPLE_RATE, count_frames, count_windows, mono, windows
from musicgen.machine import give_way
from musicgen.storage.files import publishing, write_json

NICENESS = 5  # the pages come first
BLOCK_SAMPLES = 1 << 18


def hear(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `folder` of the song's clip. Publishes its `heard` folder and returns the facts in it.

    Raises InvalidInput if there is not one note."""
    give_way(NICENESS)
    began = time.process_time()
    clip = Clip(Path(payload["folder"]))
    notes, grid = hear_sound(clip.audio_path, send_line)
    if not notes.num_notes:
        rule = "A song that is to be heard as notes must have tones of a clear pitch"
        raise InvalidInput(sentence(rule, "none in the whole song", "Choose another song."), code="no_notes")
    facts = facts_of(notes, grid) | {"cpu_seconds": round(time.process_time() - began, 2)}
    store(clip.folder / FOLDER, notes, grid, facts)
    return facts


def hear_sound(path: Path, tell: Callable[[Mapping[str, Any]], None]) -> tuple[HeardNotes, BeatGrid]:
    """The notes and beats in one of our own WAV files. `tell` gets a message after each window."""
    info = wav_info(path)
    n_frames = count_frames(round(info.n_samples * SAMPLE_RATE / info.sample_rate))
    total = count_windows(n_frames)

    def on_window(done: int) -> None:
        tell({"phase": "listening", "done": done, "total": total})

    blocks = mono(_blocks(path, info), info.sample_rate)
    posteriors = hear_windows(windows(blocks), n_frames, on_window)
    tell({"phase": "finding beats", "done": total, "total": total})
    notes = find_notes(posteriors)
    return notes, find_beats(posteriors, notes, info.seconds)


def facts_of(notes: HeardNotes, grid: BeatGrid) -> dict[str, Any]:
    return {
        "version": VERSION,
        "num_notes": notes.num_notes,
        "tempo": round(grid.tempo, 2),
        "is_steady": grid.is_steady,
        "is_beat_found": grid.is_found,
        "metre": grid.metre,
        "upbeat": grid.upbeat,
    }


def store(folder: Path, notes: HeardNotes, grid: BeatGrid, facts: dict[str, Any]) -> None:
    """Publish what was heard, in place of what an earlier version had heard."""
    with publishing(folder) as place:
        with open(place / NOTES, "wb") as file:
            np.savez(file, **vars(notes), beats=grid.times)
        write_json(place / FACTS, facts)
        shutil.rmtree(folder, ignore_errors=True)


def _blocks(path: Path, info: WavInfo) -> Iterator[NDArray[np.float32]]:
    for start in range(0, info.n_samples, BLOCK_SAMPLES):
        yield read_wav(path, start, start + BLOCK_SAMPLES).samples


if __name__ == "__main__":
    child_main(hear)
