"""MIDI files and scores: round trips, and the same reading as an independent parser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from makers_midi import (
    chunk,
    control,
    four_part_score,
    melody_score,
    midi_file,
    note_off,
    note_on,
    one_note,
    program,
    track_name,
)

from musicgen.errors import InvalidInput, RejectedFile
from musicgen.symbolic.midi import assign_channels, preflight_to_score, read_midi, score_to_midi_bytes, write_midi
from musicgen.symbolic.preflight import check_midi
from musicgen.symbolic.score import (
    CONTROL_DTYPE,
    NOTE_DTYPE,
    PITCH_BEND,
    KeySignature,
    Score,
    TempoChange,
    TimeSignature,
    Track,
    make_notes,
)

ticks = st.integers(0, 2_000)
NAMES = st.text(st.characters(categories=("L", "N", "P")), max_size=12)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Scores whose notes of one pitch and track follow each other: what a MIDI file can say without doubt."""
    tracks = draw(st.lists(st.builds(Track, NAMES, st.integers(0, 127), st.booleans()), min_size=1, max_size=20))
    rows = []
    for index in range(len(tracks)):
        for pitch in draw(st.lists(st.integers(1, 127), min_size=1, max_size=3, unique=True)):
            position = draw(ticks)
            for gap, duration, velocity in draw(
                st.lists(st.tuples(ticks, st.integers(0, 900), st.integers(1, 127)), min_size=1, max_size=4)
            ):
                rows.append((position + gap, duration, pitch, velocity, index))
                position += gap + duration
    rows.append((0, 4_000, 0, 64, 0))  # never shorter than the gate allows
    changes = {"unique_by": lambda change: change.tick, "max_size": 4}
    return Score(
        np.array(rows, NOTE_DTYPE),
        draw(st.integers(24, 5_000)),
        tuple(tracks),
        _sorted(draw(st.lists(st.builds(TempoChange, ticks, st.integers(40, 300).map(float)), **changes))),
        _sorted(
            draw(
                st.lists(
                    st.builds(TimeSignature, ticks, st.integers(1, 32), st.sampled_from((1, 2, 4, 8, 16))), **changes
                )
            )
        ),
        _sorted(draw(st.lists(st.builds(KeySignature, ticks, st.integers(-7, 7), st.booleans()), **changes))),
        draw(controls(len(tracks), [index for index, track in enumerate(tracks) if not track.is_drum])),
    )


@st.composite
def controls(draw: st.DrawFn, num_tracks: int, melodic: list[int]) -> np.ndarray:
    if not melodic:
        return np.empty(0, CONTROL_DTYPE)
    row = st.tuples(ticks, st.sampled_from((1, 7, 10, 64, 100)), st.integers(0, 127), st.sampled_from(melodic))
    bend = st.tuples(ticks, st.just(PITCH_BEND), st.integers(0, 16_383), st.sampled_from(melodic))
    return np.array(draw(st.lists(row | bend, max_size=8, unique=True)), CONTROL_DTYPE)


def _sorted(changes: list) -> tuple:
    return tuple(sorted(changes, key=lambda change: change.tick))


def _table(score: Score) -> list[tuple[int, ...]]:
    return sorted(score.notes.tolist())


@hypothesis_settings(max_examples=120, deadline=None)
@given(scores())
def test_a_score_written_and_read_is_the_same(score: Score) -> None:
    again = read_midi(score_to_midi_bytes(score))
    assert _table(again) == _table(score)
    assert again.tracks == score.tracks
    assert again.ticks_per_beat == score.ticks_per_beat
    assert again.time_signatures == score.time_signatures
    assert again.key_signatures == score.key_signatures
    assert [change.tick for change in again.tempos] == [change.tick for change in score.tempos]
    assert [change.tempo for change in again.tempos] == pytest.approx(
        [change.tempo for change in score.tempos], rel=5e-6
    )
    assert sorted(again.controls.tolist()) == sorted(score.controls.tolist())


@hypothesis_settings(max_examples=60, deadline=None)
@given(scores())
def test_a_second_round_trip_changes_no_byte(score: Score) -> None:
    once = score_to_midi_bytes(read_midi(score_to_midi_bytes(score)))
    assert score_to_midi_bytes(read_midi(once)) == once


note_events = st.one_of(
    st.builds(note_on, st.integers(58, 62), st.integers(1, 127), st.sampled_from((0, 1, 9))),
    st.builds(note_off, st.integers(58, 62), st.sampled_from((0, 1, 9))),
    st.builds(note_on, st.integers(58, 62), st.just(0), st.sampled_from((0, 1, 9))),
    st.builds(program, st.integers(0, 127), st.sampled_from((0, 1, 9))),
    st.builds(control, st.sampled_from((0, 7, 32, 64)), st.integers(0, 119), st.sampled_from((0, 1, 9))),
)
event_lists = st.lists(st.tuples(st.integers(0, 300), note_events), min_size=1, max_size=40)


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.lists(event_lists, min_size=1, max_size=3), st.sampled_from((0, 1)))
def test_symusic_finds_the_same_notes_in_any_event_stream_but_those_that_nothing_ends(
    event_lists_of_chunks: list, format: int
) -> None:
    import symusic

    chunks = [chunk([*events, *one_note(100, 2_000)]) for events in event_lists_of_chunks]
    content = midi_file(*chunks, format=format if len(chunks) == 1 else 1)
    preflight = check_midi(content)
    ours = preflight_to_score(preflight)
    expected = [
        (note.time, note.duration, note.pitch, note.velocity, track.is_drum)
        for track in symusic.Score.from_midi(content).tracks
        for note in track.notes
    ]
    found = [(*row[:4], ours.tracks[row[4]].is_drum) for row in ours.notes.tolist()]
    num_open = sum(track.open_notes for track in preflight.tracks)
    assert not Counter(expected) - Counter(found)
    assert len(found) - len(expected) == num_open


def test_symusic_reads_what_we_write() -> None:
    import symusic

    theirs = symusic.Score.from_midi(score_to_midi_bytes(four_part_score()))
    assert [track.name for track in theirs.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert {track.program for track in theirs.tracks} == {52}
    assert sum(len(track.notes) for track in theirs.tracks) == 192
    assert theirs.tempos[0].qpm == pytest.approx(96.0)


def test_overlapping_notes_of_one_pitch_end_in_the_order_in_which_they_began() -> None:
    score = Score(make_notes([0, 50], [100, 100 + 400], 60, [70, 90]))
    assert _table(read_midi(score_to_midi_bytes(score))) == [(0, 100, 60, 70, 0), (50, 500, 60, 90, 0)]


def test_a_repeated_note_is_not_swallowed_by_the_end_of_the_one_before() -> None:
    score = melody_score([60, 60, 60])
    assert read_midi(score_to_midi_bytes(score)).notes["duration_ticks"].tolist() == [480, 480, 480]


def test_zero_length_notes_survive_beside_others_of_their_pitch() -> None:
    score = Score(make_notes([0, 480, 480, 480], [480, 480, 0, 0], 60, [10, 20, 30, 40]))
    assert _table(read_midi(score_to_midi_bytes(score))) == _table(score)


def test_programs_set_up_in_another_chunk_are_found() -> None:
    setup = [(0, program(40, 0)), (0, program(73, 1))]
    score = read_midi(midi_file(chunk(setup), chunk(one_note(60, channel=0)), chunk(one_note(62, channel=1))))
    assert [track.program for track in score.tracks] == [40, 73]


def test_a_chunk_s_own_program_wins_over_another_chunk_s() -> None:
    first = [(0, program(40)), *one_note(60)]
    second = [(0, program(73)), *one_note(62)]
    assert [track.program for track in read_midi(midi_file(chunk(first), chunk(second))).tracks] == [40, 73]


def test_a_change_of_program_makes_a_second_track() -> None:
    events = [
        (0, track_name("Reed")),
        (0, program(71)),
        *one_note(60),
        (0, program(68)),
        *one_note(62),
        (0, program(71)),
        *one_note(64),
    ]
    score = read_midi(midi_file(chunk(events)))
    assert [(track.name, track.program) for track in score.tracks] == [("Reed", 71), ("Reed", 68)]
    assert score.notes["track"].tolist() == [0, 1, 0]


def test_the_pedal_in_one_chunk_holds_every_track_of_its_channel() -> None:
    left = [(0, control(64, 127)), *one_note(48), (0, control(64, 0))]
    score = read_midi(midi_file(chunk(left), chunk(one_note(72)), chunk(one_note(60, channel=1))))
    assert score.controls["track"].tolist() == [0, 1, 0, 1]
    assert score.controls["value"].tolist() == [127, 127, 0, 0]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"Fl\xf6te", "Flöte"),
        ("Flöte".encode(), "Flöte"),
        ("二胡".encode(), "二胡"),
        (b" Piano\x00\x00 \r\n", "Piano"),
        (b"x" * 300, "x" * 80),
        ("\u202egnp".encode(), "gnp"),
    ],
)
def test_track_names_are_decoded_and_made_printable(raw: bytes, shown: str) -> None:
    score = read_midi(midi_file(chunk([(0, track_name(raw)), *one_note()])))
    assert score.tracks[0].name == shown


def test_chunks_without_notes_make_no_tracks() -> None:
    score = read_midi(midi_file(chunk([(0, track_name("Lyrics"))]), chunk([(0, track_name("Voice")), *one_note()])))
    assert [track.name for track in score.tracks] == ["Voice"]


def test_more_instruments_than_channels_get_ports_and_read_back() -> None:
    tracks = tuple(Track(f"part {index}", index) for index in range(40))
    score = Score(make_notes(0, 480, 60, 80, np.arange(40)), tracks=tracks)
    places = assign_channels(tracks)
    assert len(set(places)) == 40
    assert all(channel != 9 for _, channel in places)
    assert read_midi(score_to_midi_bytes(score)).tracks == tracks


def test_reading_from_a_path(tmp_path: Path) -> None:
    write_midi(four_part_score(), tmp_path / "four.mid")
    assert read_midi(tmp_path / "four.mid").num_notes == 192
    (tmp_path / "text.mid").write_text("no")
    with pytest.raises(RejectedFile):
        read_midi(tmp_path / "text.mid")


@pytest.mark.parametrize(
    "score",
    [
        Score(make_notes(0, 480, 60, 80), ticks_per_beat=40_000),
        Score(make_notes(1 << 28, 480, 60, 80)),
        Score(make_notes(0, 480, 60, 80), time_signatures=(TimeSignature(0, 4, 5),)),
        Score(make_notes(0, 480, 60, 80), key_signatures=(KeySignature(0, 9),)),
        Score(make_notes(0, 480, 60, 80), tracks=(Track("", 128),)),
    ],
)
def test_what_midi_cannot_say_is_refused(score: Score) -> None:
    with pytest.raises(InvalidInput, match="Received"):
        score_to_midi_bytes(score)


def test_the_metheny_file_reads_as_its_golden_data_says(shared: Path) -> None:
    path = shared / "data" / "jazz" / "original_metheny.mid"
    if not path.is_file():
        pytest.skip("the third-party file original_metheny.mid is not here")
    score = read_midi(path)
    assert score.ticks_per_beat == 96
    assert score.tempos[0].tempo == pytest.approx(112, abs=0.5)
    guitar = next(index for index, track in enumerate(score.tracks) if track.name.startswith("Guitar"))
    assert score.tracks[guitar].program in range(24, 32)
    inside = (score.notes["track"] == guitar) & (score.onset_beats >= 476) & (score.onset_beats < 548)
    assert inside.sum() > 190
