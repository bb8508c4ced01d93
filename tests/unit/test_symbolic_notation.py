"""Scores to sheet music: the arithmetic of note values, spelling, and what music21 reads back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from makers_midi import four_part_score, melody_score

from musicgen.errors import InvalidInput
from musicgen.songs.composed import jazz_tune
from musicgen.symbolic.music21_locked import music21_locked
from musicgen.symbolic.notation import score_to_musicxml, sharps_of, spell_pitch
from musicgen.symbolic.note_values import (
    Event,
    Measure,
    chords_to_voices,
    lay_out_measures,
    score_to_chords,
    voice_in_measure,
)
from musicgen.symbolic.score import KeySignature, Score, TimeSignature, Track, make_notes, opening

VALUES = {Fraction(dots, 1 << power) for dots in (4, 6) for power in range(6)} | {Fraction(n, 12) for n in (8, 4, 2, 1)}


@st.composite
def played_scores(draw: st.DrawFn) -> Score:
    rows = draw(
        st.lists(st.tuples(st.integers(0, 9_600), st.integers(0, 2_400), st.integers(40, 80)), min_size=1, max_size=30)
    )
    onset, duration, pitch = zip(*rows, strict=True)
    numerator = draw(st.integers(1, 7))
    return Score(
        make_notes(np.array(onset), np.array(duration), np.array(pitch), 80),
        time_signatures=(TimeSignature(0, numerator, draw(st.sampled_from((4, 8)))),),
    )


@hypothesis_settings(max_examples=150, deadline=None)
@given(played_scores())
def test_every_voice_fills_its_measures_with_values_that_exist(score: Score) -> None:
    chords = score_to_chords(score, 0)
    end = max(chord.end for chord in chords)
    measures = lay_out_measures(score.time_signatures, score.ticks_per_beat, end)
    assert measures[-1].end >= end
    for voice in chords_to_voices(chords):
        for earlier, later in pairwise(voice):
            assert earlier.end <= later.start
        for measure in measures:
            events = voice_in_measure(voice, measure)
            if events:
                assert events[0].start == measure.start
                assert events[-1].end == measure.end
                assert all(a.end == b.start for a, b in pairwise(events))
                assert {event.length for event in events} <= VALUES
        begun = [e for m in measures for e in voice_in_measure(voice, m) if e.pitches and e.tie in ("", "start")]
        assert [(event.start, event.pitches) for event in begun] == [(event.start, event.pitches) for event in voice]


def test_straight_and_triplet_beats_are_told_apart() -> None:
    ticks = [0, 240, 480, 640, 800, 960, 1_080, 1_200, 1_320, 1_445]
    score = Score(make_notes(ticks, 100, 60, 80))
    starts = [chord.start for chord in score_to_chords(score, 0)]
    thirds = [Fraction(1), Fraction(4, 3), Fraction(5, 3)]
    assert starts == [Fraction(0), Fraction(1, 2), *thirds, *(2 + Fraction(n, 4) for n in range(4)), Fraction(3)]


def test_a_note_over_the_barline_is_tied() -> None:
    measures = [Measure(Fraction(0), 4, 4), Measure(Fraction(4), 4, 4)]
    voice = [Event(Fraction(3), Fraction(6), (60,), 80)]
    first, second = (voice_in_measure(voice, measure) for measure in measures)
    assert [(event.length, event.pitches, event.tie) for event in first] == [(3, (), ""), (1, (60,), "start")]
    assert [(event.length, event.pitches, event.tie) for event in second] == [(2, (60,), "stop"), (2, (), "")]


def test_more_voices_than_four_lose_length_but_no_onset() -> None:
    chords = [Event(Fraction(i, 4), Fraction(10), (60 + i,), 80) for i in range(7)]
    voices = chords_to_voices(chords)
    assert len(voices) == 4
    assert sorted(event.pitches for voice in voices for event in voice) == [(60 + i,) for i in range(7)]


@pytest.mark.parametrize("sharps", range(-7, 8))
def test_spelling_keeps_the_pitch(sharps: int) -> None:
    music21 = music21_locked()
    for pitch in range(128):
        name, octave = spell_pitch(pitch, sharps)
        assert music21.pitch.Pitch(name=name, octave=octave).ps == pitch


def test_spelling_follows_the_key() -> None:
    assert [spell_pitch(pitch, sharps)[0] for pitch, sharps in ((70, -1), (70, 5), (66, 1), (61, -1), (68, 0))] == [
        "B-",
        "A#",
        "F#",
        "C#",
        "G#",
    ]
    assert spell_pitch(60, 0) == ("C", 4)


def test_the_key_comes_from_the_signature_else_from_the_notes() -> None:
    assert sharps_of(Score(make_notes(0, 480, 60, 80), key_signatures=(KeySignature(0, -3),))) == -3
    minor = melody_score([62, 64, 65, 67, 69, 70, 69, 73, 74, 69, 65, 62])
    assert sharps_of(minor) == -1


def test_music21_reads_back_the_notes(tmp_path: Path) -> None:
    score = four_part_score(24)
    back = _read(score, tmp_path)
    assert [part.partName for part in back.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    for index, part in enumerate(back.parts):
        expected = score.notes["pitch"][score.notes["track"] == index].tolist()
        assert [note.pitch.midi for note in part.flatten().notes] == expected
        assert [float(note.offset) for note in part.flatten().notes] == [float(beat) for beat in range(24)]
    assert back.parts[0].flatten().getElementsByClass("MetronomeMark")[0].number == 96


def test_swung_drums_chords_and_a_melody_can_be_written_down(tmp_path: Path) -> None:
    score = opening(jazz_tune(), 32)
    back = _read(score, tmp_path)
    counts = [sum(len(note.pitches) for note in part.stripTies().flatten().notes) for part in back.parts[:3]]
    assert counts == [int((score.notes["track"] == index).sum()) for index in range(3)]
    assert len(back.parts) == 4


def test_what_cannot_be_written_down_is_said() -> None:
    with pytest.raises(InvalidInput, match="1 to 20,000 notes"):
        score_to_musicxml(Score(make_notes([], [], [], [])))
    with pytest.raises(InvalidInput, match="20,001"):
        score_to_musicxml(Score(make_notes(np.arange(20_001), 10, 60, 80)))


def test_empty_tracks_make_no_parts(tmp_path: Path) -> None:
    score = Score(make_notes([0, 480], 480, 60, 80, 1), tracks=(Track("Silent"), Track("Heard")))
    assert [part.partName for part in _read(score, tmp_path).parts] == ["Heard"]


def test_music21_never_gets_a_string_to_interpret() -> None:
    for path in sorted((Path(__file__).resolve().parents[2] / "musicgen").rglob("*.py")):
        text = path.read_text()
        assert "converter.parse(" not in text, path
        assert "corpus.parse(" not in text, path


def test_music21_is_locked() -> None:
    environment = music21_locked().environment.Environment()
    assert environment["autoDownload"] == "deny"
    assert Path(environment["directoryScratch"]).stat().st_mode & 0o077 == 0


def _read(score: Score, tmp_path: Path):
    path = tmp_path / "score.musicxml"
    path.write_bytes(score_to_musicxml(score))
    return music21_locked().converter.parseFile(path, forceSource=True)
