"""A library with songs, runs in several states and outputs, as after a week of work, for tests that only look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.stored_lessons import add_finished_lesson
from tests.app.stored_work import NASTY, add_output, add_run, add_song, add_study, tone, tune


@dataclass(frozen=True)
class Furnished:
    """Ids of what there is to look at."""

    song: str
    sound: str
    run: str
    failed: str
    notes: str
    heard: str
    study: str

    def pages(self) -> dict[str, str]:
        """Name of a page → its address, with something to see on it."""
        return {
            "home": "",
            "approaches": "approaches?approach=audio_wavenet",
            "system": "system",
            "songs": "songs",
            "song": f"songs?song={self.song}",
            "train": "train",
            "runs": f"runs?run={self.run}",
            "failed run": f"runs?run={self.failed}",
            "generate": f"generate?run={self.run}",
            "compare": f"compare?reference={self.song}&generated={self.notes}",
            "versus": f"versus?runs={self.run},{self.failed}",
            "study": f"study?study={self.study}",
            "blind": f"blind?generated={self.notes}",
            "lessons": "lessons?lesson=temperature",
            "finished lesson": "lessons?lesson=floor",
        }


def furnish(home: Path, monkeypatch: pytest.MonkeyPatch) -> Furnished:
    """Fill the storage at `home`."""
    home.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("MUSICGEN_HOME", str(home))
    songs = [add_song(f"chorale {number}", tune(seed=number)) for number in range(3)]
    sound = add_song(NASTY, tone())
    notes_run = add_run(songs, approach="note_lstm", name="Chorales, evenings")
    sound_run = add_run([sound], approach="amplitude_lstm", name=NASTY)
    failed = add_run(
        songs, approach="note_wavenet", name="Too much", state="failed", epochs=1, reason="The loss is not finite.",
        advice="Choose a lower learning rate.",
    )  # fmt: skip
    add_run(songs, approach="note_lstm", name="Half way", state="paused", epochs=2)
    notes = add_output(notes_run, tune(seed=9), name="A new chorale")
    heard = add_output(
        sound_run, tone(level=0.05), name=NASTY, reference={"song_id": sound, "start_seconds": 0.0, "name": "x"}
    )
    add_finished_lesson(songs)
    return Furnished(songs[0], sound, notes_run, failed, notes, heard, add_study(songs))
