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
from readers_musicxml import differences, read_musicxml, sounding, written

from musicgen.errors import InvalidInput
from musicgen.songs.composed import jazz_tune
from musicgen.symbolic.metre import Measure, lay_out_measures
from musicgen.symbolic.midi import read_midi
from musicgen.symbolic.music21_locked import music21_locked
from musicgen.symbolic.notation import score_to_musicxml, sharps_of
from musicgen.symbolic.note_heads import spell_pitch
from musicgen.symbolic.note_values import SHORTEST, VALUES, WrittenEvent, voice_in_measure
from musicgen.symbolic.note_voices import chords_to_voices, score_to_chords
from musicgen.symbolic.score import KeySignature, Score, TempoChange, TimeSignature, Track, make_notes, opening

EXACT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32)  # divisions of a quarter note
METRES = (
    (4, 4),
    (3, 4),
    (2, 4),
    (2, 2),
    (3, 8),
    (6, 8),
    (9, 8),
    (12, 8),
    (7, 8),
    (5, 4),
    (5, 8),
    (3, 2),
    (6, 4),
    (5, 16),
)


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


@hypothesis_settings(max_examples=80, deadline=None)
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
                values = {event.value for event in events if event.value > SHORTEST}
                assert values <= {value for _, value in VALUES}
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
    voice = [WrittenEvent(Fraction(3), Fraction(6), (60,), (80,))]
    first, second = (voice_in_measure(voice, measure) for measure in measures)
    assert [(event.length, event.tie) for event in first] == [(2, ""), (1, ""), (1, "start")]
    assert [(event.length, event.pitches, event.tie) for event in second] == [(2, (60,), "stop"), (2, (), "")]


def test_more_voices_than_four_lose_length_but_no_onset() -> None:
    chords = [WrittenEvent(Fraction(i, 4), Fraction(10), (60 + i,), (80,)) for i in range(7)]
    voices = chords_to_voices(chords, 4)
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
    _assert_sounds_alike(score, back)
    assert back.parts[0].flatten().getElementsByClass("MetronomeMark")[0].number == 96


def test_swung_drums_chords_and_a_melody_can_be_written_down(tmp_path: Path) -> None:
    score = opening(jazz_tune(), 32)
    back = _read(score, tmp_path)
    counts = [len(sounding(part)) for part in back.parts]
    assert counts == [int((score.notes["track"] == index).sum()) for index in range(4)]


@st.composite
def written_scores(draw: st.DrawFn) -> Score:
    """Two voices of a track: in each, beats are divided by one number, and notes and rests take some of the parts."""
    rows = []
    for lowest in (40, 70):
        places = [Fraction(0)]
        for beat in range(draw(st.integers(1, 5))):
            division = draw(st.sampled_from(EXACT))
            places += [beat + Fraction(part, division) for part in range(1, division + 1) if draw(st.booleans())]
        for start, end in pairwise(places):
            if draw(st.integers(0, 3)):
                rows.append(
                    (
                        start * 10_080,
                        (end - start) * 10_080,
                        draw(st.integers(lowest, lowest + 25)),
                        draw(st.integers(1, 127)),
                    )
                )
    onset, length, pitch, velocity = zip(*(rows or [(0, 10_080, 60, 80)]), strict=True)
    numbers = [np.array(column, dtype=np.int64) for column in (onset, length, pitch, velocity)]
    metre = TimeSignature(0, *draw(st.sampled_from(METRES)))
    pickup = draw(st.sampled_from((None, (1, 8), (1, 4), (3, 16))))
    signatures = (metre,)
    if pickup and Fraction(*pickup) < Fraction(metre.numerator, metre.denominator):
        tick = 40_320 * pickup[0] // pickup[1]
        signatures = (TimeSignature(0, *pickup), TimeSignature(tick, metre.numerator, metre.denominator))
    return Score(make_notes(*numbers), 10_080, time_signatures=signatures)


@hypothesis_settings(max_examples=40, deadline=None)
@given(score=written_scores())
def test_written_rhythms_sound_the_same(score: Score, tmp_path_factory: pytest.TempPathFactory) -> None:
    _assert_sounds_alike(score, _read(score, tmp_path_factory.getbasetemp()))


def many_voices(seed: int) -> Score:
    """Notes of a few divisions that overlap as they like, as a file of a coarse or a fine clock has them."""
    generator = np.random.default_rng(seed)
    ticks = int(generator.choice([24, 96, 120, 192, 480, 960, 1_024]))
    known = [division for division in EXACT if ticks >= 4 * division and division <= 16]
    divisions = generator.choice(known, generator.integers(1, 4))
    division = generator.choice(divisions, generator.integers(1, 60))
    start = generator.integers(0, 12 * division)
    end = start + generator.integers(1, 4 * division + 1)
    onset, offset = (np.rint(places * ticks / division).astype(int) for places in (start, end))
    pitch, velocity = (generator.integers(low, high, division.size) for low, high in ((30, 100), (1, 128)))
    metre = METRES[generator.integers(len(METRES))]
    notes = make_notes(onset, np.maximum(offset - onset, 1), pitch, velocity)
    return Score(notes, ticks, time_signatures=(TimeSignature(0, *metre),))


@pytest.mark.parametrize("seed", range(4))
def test_voices_that_overlap_sound_the_same(tmp_path: Path, seed: int) -> None:
    for number in range(8):
        score = many_voices(8 * seed + number)
        _assert_sounds_alike(score, _read(score, tmp_path))


@pytest.mark.parametrize(
    ("metre", "ticks_per_beat"), [*((metre, 480) for metre in METRES), ((4, 4), 96), ((6, 8), 1_024), ((3, 4), 24)]
)
def test_every_length_is_kept_wherever_it_begins(tmp_path: Path, metre: tuple[int, int], ticks_per_beat: int) -> None:
    lengths = [Fraction(n, 4) for n in (6, 3, 5, 7, 10, 2, 1, 9, 14, 18)] + [Fraction(n, 8) for n in (1, 3, 5, 7, 11)]
    lengths += [Fraction(2, 3)] * 3 + [Fraction(1, 3)] * 3 + [Fraction(4, 3)] * 3 + [Fraction(1, 6)] * 6
    edges = np.round(np.cumsum([0.0, *(float(length) * ticks_per_beat for length in lengths * 2)])).astype(int)
    score = Score(
        make_notes(edges[:-1], np.diff(edges), 60 + np.arange(len(edges) - 1) % 12, 80),
        ticks_per_beat,
        time_signatures=(TimeSignature(0, *metre),),
    )
    _assert_sounds_alike(score, _read(score, tmp_path))


@pytest.mark.parametrize(
    ("parts", "tuplets"),
    [
        ([Fraction(3, 2), Fraction(1, 2), 2], []),
        ([Fraction(3, 4), Fraction(1, 2), Fraction(3, 4), 2], []),
        ([Fraction(3, 4), Fraction(1, 8), Fraction(1, 8), 3], []),
        ([Fraction(2, 3)] * 3 + [2], [(3, 2)] * 3),
        ([Fraction(4, 3)] * 3, [(3, 2)] * 3),
        ([Fraction(1, 5)] * 5 + [3], [(5, 4)] * 5),
        ([Fraction(2, 7)] * 7 + [2], [(7, 4)] * 7),
        ([Fraction(1, 2), Fraction(1, 6), Fraction(1, 6), Fraction(1, 6), 3], [(3, 2)] * 3),
        ([Fraction(1, 16)] * 16 + [3], []),
    ],
)
def test_the_usual_values_are_written(parts: list[Fraction], tuplets: list[tuple[int, int]]) -> None:
    edges = np.cumsum([0, *(int(part * 6_720) for part in parts)])
    chords = score_to_chords(Score(make_notes(edges[:-1], np.diff(edges), 60, 80), 6_720), 0)
    events = voice_in_measure(chords, Measure(Fraction(0), 4, 4))
    assert [event.length for event in events] == parts, "one value for each note"
    assert [(event.tuplet.actual, event.tuplet.normal) for event in events if event.tuplet] == tuplets


def test_notes_that_end_a_little_early_are_written_in_full() -> None:
    starts = np.array([0, 480, 720, 960, 1_440, 1_920])
    lengths = (np.array([480, 240, 240, 480, 480, 960]) * 0.9).astype(int)
    chords = score_to_chords(Score(make_notes(starts, lengths, 60, 80)), 0)
    assert [chord.length for chord in chords] == [1, Fraction(1, 2), Fraction(1, 2), 1, 1, 2]


def test_played_notes_do_not_fall_together() -> None:
    generator = np.random.default_rng(4)
    onset = np.cumsum(generator.integers(30, 300, 400))
    chords = score_to_chords(Score(make_notes(onset, 40, 60 + np.arange(400) % 12, 80)), 0)
    assert len({chord.start for chord in chords}) == 400
    assert max(abs(float(chord.start) - tick / 480) for chord, tick in zip(chords, onset, strict=True)) <= 0.05


def test_a_pitch_that_two_voices_share_is_written_twice(tmp_path: Path) -> None:
    score = Score(make_notes([0, 0, 0, 480], [480, 480, 960, 480], 60, [80, 50, 60, 70]))
    _assert_sounds_alike(score, _read(score, tmp_path))


def test_every_instrument_sounds_at_its_pitch_and_as_loud(tmp_path: Path) -> None:
    pitches = [12, 24, 36, 60, 66, 72, 84, 96, 108, 120]
    for first in range(0, 128, 32):
        programs = range(first, first + 32)
        rows = [make_notes(np.arange(10) * 480, 480, pitches, np.arange(10) * 13 + 1, number) for number in range(32)]
        score = Score(np.concatenate(rows), tracks=tuple(Track("", program) for program in programs))
        back = _read(score, tmp_path)
        assert [part.getInstrument().midiProgram for part in back.parts] == list(programs)
        assert [[note.pitch.midi for note in part.flatten().notes] for part in back.parts] == [pitches] * 32
        _assert_sounds_alike(score, back)


def test_what_music21_plays_of_it_is_the_same_midi(tmp_path: Path) -> None:
    programs = (0, 32, 43, 56, 65, 71, 72, 9)
    rows = [
        make_notes([0, 480, 720, 720], [480, 240, 480, 480], [40, 55, 60, 67], [30, 64, 90, 127], n) for n in range(8)
    ]
    tempos = (TempoChange(0, 96.37), TempoChange(700, 144.2))
    score = Score(np.concatenate(rows), tracks=tuple(Track("", p) for p in programs), tempos=tempos)
    path = tmp_path / "played.mid"
    _read(score, tmp_path).write("midi", path)
    back = read_midi(path)
    assert [track.program for track in back.tracks] == list(programs)
    assert [written(back, number) for number in range(8)] == [written(score, number) for number in range(8)]
    assert [round(change.tempo, 2) for change in back.tempos] == [96.37, 144.2]


def test_drums_are_unpitched_and_told_apart_by_place_and_head(tmp_path: Path) -> None:
    score = Score(make_notes(np.arange(128) * 240, 240, np.arange(128), 80), tracks=(Track("", 0, True),))
    back = _read(score, tmp_path)
    _assert_sounds_alike(score, back)
    notes = list(back.parts[0].flatten().notes)
    assert all(type(note).__name__ == "Unpitched" for note in notes)
    assert [(notes[key].displayName, notes[key].notehead) for key in (36, 38, 42)] == [
        ("F4", "normal"),
        ("C5", "normal"),
        ("G5", "x"),
    ]
    only_maracas = Score(make_notes([0, 480], 480, 69, 80), tracks=(Track("", 0, True),))
    _assert_sounds_alike(only_maracas, _read(only_maracas, tmp_path))


def test_tempo_marks_stand_where_the_tempo_changes(tmp_path: Path) -> None:
    tempos = tuple(
        TempoChange(tick, tempo) for tick, tempo in ((0, 173.999791), (250, 90.5), (2_000, 91), (2_160, 200))
    )
    score = Score(make_notes(0, 3_840, 60, 80), tempos=tempos)
    marks = _read(score, tmp_path).flatten().getElementsByClass("MetronomeMark")
    assert [(round(float(mark.offset) * 480, 3), mark.number) for mark in marks] == [
        (0, 174),
        (250, 90.5),
        (2_000, 91),
        (2_160, 200),
    ]
    assert [mark.style.hideObjectOnPrint for mark in marks] == [False, False, True, False]
    late = _read(Score(make_notes(0, 960, 60, 80), tempos=(TempoChange(480, 60),)), tmp_path)
    assert [mark.number for mark in late.flatten().getElementsByClass("MetronomeMark")] == [120, 60]


@pytest.mark.parametrize(
    ("signatures", "starts", "signed"),
    [
        ([(0, 4, 4), (960, 3, 4)], [0, 2, 5, 8], ["4/4", "3/4"]),
        ([(0, 1, 4), (480, 4, 4)], [0, 1, 5, 9], ["4/4"]),
        ([(0, 4, 4), (480, 4, 4)], [0, 1, 5, 9], ["4/4"]),
        ([(0, 6, 8), (1_440, 7, 8), (3_120, 2, 2)], [0, 3, 6.5, 10.5], ["6/8", "7/8", "2/2"]),
        ([(0, 4, 4), (1_920, 4, 4), (2_000, 4, 4)], [0, 4, 8, 12], ["4/4"]),
    ],
)
def test_barlines_stand_where_metres_begin(
    tmp_path: Path, signatures: list[tuple[int, int, int]], starts: list[float], signed: list[str]
) -> None:
    rows = make_notes(np.arange(14) * 480, 480, 60 + np.arange(14), 80)
    score = Score(rows, time_signatures=tuple(TimeSignature(*each) for each in signatures))
    back = _read(score, tmp_path)
    _assert_sounds_alike(score, back)
    measures = list(back.parts[0].getElementsByClass("Measure"))
    assert [float(measure.offset) for measure in measures][: len(starts)] == starts
    assert [measure.timeSignature.ratioString for measure in measures if measure.timeSignature] == signed


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


def _read(score: Score, folder: Path):
    return read_musicxml(score_to_musicxml(score), folder)


def _assert_sounds_alike(score: Score, back) -> None:
    used = sorted(set(score.notes["track"].tolist()))
    for track, part in zip(used, back.parts, strict=True):
        assert differences(written(score, track), sounding(part)) == []
