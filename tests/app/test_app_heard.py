"""A song heard as notes, on its page: what was heard is shown, faint notes are left out, the rest becomes a song."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_work import add_song, is_clean, lanes, said, tone, tune, until, visit

from musicgen.hearing.beats import BeatGrid, even_beats
from musicgen.hearing.hearing import facts_of, store
from musicgen.hearing.notes import HeardNotes
from musicgen.songs.library import get_song, list_songs

PITCHES = (60, 64, 67, 72)


@pytest.fixture
def song(home: Path) -> str:
    """A song in which four notes were heard, the last two of them with little confidence."""
    song_id = add_song("Whistling", tone(3.0))
    onset = np.array([0.5, 1.0, 1.5, 2.0])
    notes = HeardNotes(
        *(onset, onset + 0.4, onset + 0.4),
        pitch=np.array(PITCHES, np.uint8),
        velocity=np.full(4, 90, np.uint8),
        confidence=np.array([0.9, 0.8, 0.3, 0.1]),
    )
    grid = BeatGrid(even_beats(0.0, 0.5, 3.0), 4, 0, 120.0, True, True)
    store(get_song(song_id).folder / "heard", notes, grid, facts_of(notes, grid))
    return song_id


def test_a_song_that_is_sound_can_be_heard_and_one_of_notes_cannot(home: Path) -> None:
    app = visit("songs", song=add_song("Whistling", tone()))
    assert is_clean(app)
    assert app.button(key="song_hear").label == "Hear the notes"
    assert "on two idle cores" in said(app)
    app = visit("songs", song=add_song("Notes", tune()))
    assert not [button for button in app.button if button.key == "song_hear"]


def test_heard_notes_are_a_second_lane_and_faint_ones_can_be_left_out(song: str) -> None:
    app = until(visit("songs", song=song), lambda app: len(lanes(app)) == 2)
    assert is_clean(app)
    assert [lane["title"] for lane in lanes(app)] == ["Original", "Heard notes"]
    assert "3 of 4" in said(app)
    app.slider(key=f"song_heard_least.{song}").set_value(85).run()
    app = until(app, lambda app: any(lane["id"].endswith("85") for lane in lanes(app)))
    assert "1 of 4" in said(app)
    app.slider(key=f"song_heard_least.{song}").set_value(95).run()
    assert "Move the slider to the left" in said(app)
    assert len(lanes(app)) == 1


def test_the_notes_that_are_left_become_a_song(song: str) -> None:
    app = visit("songs", song=song)
    app.slider(key=f"song_heard_least.{song}").set_value(50).run()
    app.button(key="song_heard_add").click().run()
    assert is_clean(app)
    (added,) = [each for each in list_songs() if each.medium == "midi"]
    assert added.name == "Whistling, heard as notes"
    assert added.source == f"heard from “Whistling” ({song})"
    assert added.clip.score().notes["pitch"].tolist() == [60, 64]
    assert added.clip.score().onset == pytest.approx([0.5, 1.0], abs=1e-3)
    assert [button for button in app.button if button.key == "song_heard_train"]
