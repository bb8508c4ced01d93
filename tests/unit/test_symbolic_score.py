"""Scores, names and facts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers_midi import four_part_score, melody_score, scale_score

from musicgen.errors import InvalidInput
from musicgen.symbolic.instruments import FAMILIES, INSTRUMENTS, instrument_family, instrument_name
from musicgen.symbolic.keys import estimate_key, key_correlations
from musicgen.symbolic.midi import read_midi, score_to_midi_bytes
from musicgen.symbolic.pedal import held_offsets
from musicgen.symbolic.pitches import pitch_name, pitch_number, pitch_to_frequency
from musicgen.symbolic.rolls import main_tempo, main_time_signature, score_facts, score_to_roll
from musicgen.symbolic.score import (
    CONTROL_DTYPE,
    KeySignature,
    Score,
    TempoChange,
    TimeSignature,
    Track,
    make_notes,
    opening,
)


def test_facts_of_a_chorale_like_score() -> None:
    facts = score_facts(four_part_score())
    assert json.loads(json.dumps(facts)) == facts
    assert facts["num_notes"] == 192
    assert facts["seconds"] == 30.0
    assert facts["beats"] == 48.0
    assert facts["tempo"] == 96.0
    assert facts["tempo_changes"] == 0
    assert facts["time_signature"] == "4/4"
    assert facts["key"] == "C major"
    assert [track["name"] for track in facts["tracks"]] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert facts["tracks"][3]["instrument"] == "Choir aahs"
    assert sum(track["num_notes"] for track in facts["tracks"]) == 192


def test_facts_of_nothing_and_of_drums_alone_are_defined() -> None:
    for score in (
        Score(np.empty(0, make_notes(0, 0, 0, 0).dtype)),
        Score(make_notes([0, 480], 240, 36, 90), tracks=(Track("Kit", 0, True),)),
    ):
        facts = json.loads(json.dumps(score_facts(score), allow_nan=False))
        assert facts["key"] == "none"
        assert facts["key_confidence"] == 0.0
        assert facts["lowest_pitch"] is None
        assert facts["num_distinct_pitches"] == 0


def test_the_roll_has_one_row_a_note_in_seconds() -> None:
    roll = score_to_roll(scale_score(8))
    assert roll["onset"].tolist() == pytest.approx([0.5 * i for i in range(8)])
    assert (roll["offset"] - roll["onset"]).tolist() == pytest.approx([0.5] * 8)
    assert roll["pitch"].tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    assert float(roll["seconds"]) == pytest.approx(4.0)


def test_the_main_tempo_is_the_one_heard_longest() -> None:
    notes = make_notes([0, 4800], 480, 60, 80)
    assert main_tempo(Score(notes)) == 120.0
    assert main_tempo(Score(notes, tempos=(TempoChange(0, 60.0), TempoChange(480, 90.0)))) == 90.0
    assert main_tempo(Score(notes, tempos=(TempoChange(960, 90.0),))) == 90.0
    assert main_tempo(Score(notes, tempos=(TempoChange(0, 70.0), TempoChange(100_000, 300.0)))) == 70.0


def test_the_main_time_signature_is_not_the_upbeat() -> None:
    notes = make_notes([0, 4_800], 480, 60, 80)
    upbeat = Score(notes, time_signatures=(TimeSignature(0, 1, 4), TimeSignature(480, 3, 4)))
    assert main_time_signature(upbeat) == "3/4"
    assert main_time_signature(Score(notes)) == "4/4"
    late = Score(notes, time_signatures=(TimeSignature(0, 6, 8), TimeSignature(100_000, 5, 4)))
    assert score_facts(late)["time_signature"] == "6/8"


def test_a_chord_keeps_the_order_in_which_it_was_struck() -> None:
    notes = make_notes([480, 0, 0, 0], [480, 240, 240, 0], [60, 67, 64, 72], 80)
    assert Score(notes).notes["pitch"].tolist() == [72, 67, 64, 60]
    again = read_midi(score_to_midi_bytes(Score(notes)))
    assert again.notes["pitch"].tolist() == [72, 67, 64, 60]


def test_the_opening_of_a_score_ends_where_it_should() -> None:
    score = Score(
        make_notes([0, 240, 960], 960, 60, 80),
        tempos=(TempoChange(0, 100.0), TempoChange(480, 90.0), TempoChange(960, 50.0)),
        controls=np.array([(0, 7, 100, 0), (970, 7, 90, 0)], CONTROL_DTYPE),
    )
    part = opening(score, 2)
    assert part.notes["onset_ticks"].tolist() == [0, 240]
    assert part.notes["duration_ticks"].tolist() == [960, 720]
    assert [change.tick for change in part.tempos] == [0, 480]
    assert part.controls["tick"].tolist() == [0]


def test_tracks_keep_their_numbers_when_some_are_left_out() -> None:
    score = four_part_score().only_tracks((1, 3))
    assert set(score.notes["track"].tolist()) == {1, 3}
    assert len(score.tracks) == 4


@pytest.mark.parametrize(("tonic", "name"), [(0, "C"), (7, "G"), (10, "B-flat"), (6, "F-sharp")])
def test_a_transposed_scale_is_heard_in_its_key(tonic: int, name: str) -> None:
    steps = [0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0, 5, 9, 7, 11, 12, 0]
    key = estimate_key(melody_score([48 + tonic + step for step in steps]))
    assert key.name == f"{name} major"
    assert 0.5 < key.confidence <= 1


def test_a_minor_tune_is_heard_in_minor() -> None:
    steps = [0, 2, 3, 5, 7, 8, 7, 11, 12, 7, 3, 0, 5, 3, 2, -1, 0]
    assert estimate_key(melody_score([57 + step for step in steps])).name == "A minor"


SCALES = {
    "major": [0, 2, 4, 5, 7, 9, 11, 12],
    "major down": [12, 11, 9, 7, 5, 4, 2, 0],
    "natural minor": [0, 2, 3, 5, 7, 8, 10, 12],
    "harmonic minor": [0, 2, 3, 5, 7, 8, 11, 12],
    "melodic minor": [0, 2, 3, 5, 7, 9, 11, 12, 10, 8, 7, 5, 3, 2, 0],
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("tonic", range(12))
def test_a_plain_scale_is_its_key_signed_or_not(scale: str, tonic: int) -> None:
    is_minor = "minor" in scale
    sharps = (tonic + 3 * is_minor) * 7 % 12
    signature = KeySignature(0, sharps - 12 if sharps > 6 else sharps)
    plain = melody_score([48 + tonic + step for step in SCALES[scale]])
    for score in (plain, replace(plain, key_signatures=(signature,))):
        key = estimate_key(score)
        assert (key.tonic, key.is_minor) == (tonic, is_minor)


def test_a_signature_that_nobody_chose_does_not_decide() -> None:
    tune = melody_score([54 + step for step in (0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0)])
    assert estimate_key(replace(tune, key_signatures=(KeySignature(0, 0),))).name == "F-sharp major"


def test_the_signature_tells_relatives_apart_where_the_notes_do_not() -> None:
    tune = melody_score([64, 60, 64, 69, 67, 60, 69, 72, 67, 64])
    major, minor = (replace(tune, key_signatures=(KeySignature(0, 0, is_minor),)) for is_minor in (False, True))
    assert (estimate_key(major).name, estimate_key(minor).name) == ("C major", "A minor")


@given(st.lists(st.floats(0, 100), min_size=12, max_size=12))
def test_key_correlations_are_finite_and_bounded(weights: list[float]) -> None:
    correlations = key_correlations(np.array(weights))
    assert correlations.shape == (24,)
    assert np.isfinite(correlations).all()
    assert np.abs(correlations).max() <= 1 + 1e-9


def test_instrument_names() -> None:
    assert len(INSTRUMENTS) == 128
    assert len(FAMILIES) == 16
    assert len(set(INSTRUMENTS)) == 128
    assert (instrument_name(0), instrument_name(40), instrument_name(73)) == ("Grand piano", "Violin", "Flute")
    assert (instrument_name(127), instrument_name(32), instrument_name(56)) == (
        "Gunshot",
        "Double bass (plucked)",
        "Trumpet",
    )
    assert (instrument_name(0, True), instrument_name(32, True), instrument_name(99, True)) == (
        "Drums",
        "Jazz drums",
        "Drums",
    )
    assert (instrument_family(40), instrument_family(0, True)) == ("strings", "drums")


@given(st.integers(0, 127))
def test_pitch_names_round_trip(pitch: int) -> None:
    assert pitch_number(pitch_name(pitch)) == pitch


def test_pitch_names() -> None:
    assert (pitch_name(60), pitch_name(61), pitch_name(0), pitch_name(127)) == ("C4", "C#4", "C-1", "G9")
    assert pitch_number("Bb3") == pitch_number("B♭3") == pitch_number("A#3") == 58
    assert pitch_number("F##4") == 67
    assert pitch_to_frequency(69) == 440.0
    for wrong in ("H4", "C", "", "C#b4", "G#9", "C4 4"):
        with pytest.raises(InvalidInput):
            pitch_number(wrong)
    with pytest.raises(InvalidInput):
        pitch_name(128)


def test_the_pedal_holds_notes_to_its_release() -> None:
    moves = [(100, 64, 127, 0), (1_000, 64, 0, 0), (2_000, 64, 127, 0)]
    notes = make_notes([0, 0, 0, 1_500, 1_900], [90, 480, 1_000, 100, 200], [60, 62, 64, 65, 67], 80)
    score = Score(notes, controls=np.array(moves, CONTROL_DTYPE), tracks=(Track(), Track()))
    ticks = np.rint(held_offsets(score) * 960).astype(int).tolist()
    assert ticks == [90, 1_000, 1_000, 1_600, 2_100]


def test_controls_are_checked() -> None:
    notes = make_notes(0, 480, 60, 80)
    for row in [(-1, 7, 1, 0), (0, 7, 1, 5), (0, 7, 200, 0), (0, 128, 20_000, 0), (0, 140, 1, 0)]:
        with pytest.raises(InvalidInput):
            Score(notes, controls=np.array([row], CONTROL_DTYPE))


def test_scores_refuse_what_cannot_be() -> None:
    with pytest.raises(InvalidInput):
        Score(make_notes(0, 480, 60, 200))
    with pytest.raises(InvalidInput):
        Score(make_notes(0, 480, 60, 80, 4))
    with pytest.raises(InvalidInput):
        Score(make_notes(0, 480, 60, 80), ticks_per_beat=0)
    assert Score(make_notes(0, 480, 60, 80), time_signatures=(TimeSignature(0, 3, 4),)).num_notes == 1
