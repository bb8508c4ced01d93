"""MIDI metrics and originality against scores whose answers can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.errors import InvalidInput
from musicgen.evaluation import midi, originality
from musicgen.evaluation.note_events import between_seconds, events_of
from musicgen.symbolic.score import Score, TempoChange, Track, make_notes

BEAT = 480  # ticks; half a second at 120 BPM


def line(*pitches: int | tuple[int, ...], track: int = 0) -> list[tuple[int, int, int]]:
    """One event a beat: a pitch or a chord → (onset tick, pitch, track)."""
    return [
        (beat * BEAT, pitch, track)
        for beat, event in enumerate(pitches)
        for pitch in (event if isinstance(event, tuple) else (event,))
    ]


def score(*notes: tuple[int, int, int], tracks: tuple[Track, ...] = (Track(), Track()), duration: int = BEAT) -> Score:
    onset, pitch, track = zip(*notes, strict=True) if notes else ((), (), ())
    return Score(make_notes(onset, duration, pitch, 80, track), BEAT, tracks)


EMPTY = score()
SCALE = score(*line(60, 62, 64, 65, 67, 69, 71, 72))
RANDOM = np.random.default_rng(7).integers(40, 90, 400).tolist()


def test_counts_and_ranges_of_a_scale():
    assert midi.describe(SCALE) == {
        "num_notes": 8,
        "num_distinct_pitches": 8,
        "lowest_pitch": 60,
        "highest_pitch": 72,
        "pitch_range": 12,
        "longest_run": 1,
        "top_note_share": 1 / 8,
        "loop_share": 0.0,
        "longest_loop": 0,
        "distinct_share": 1.0,
        "pitch_class_entropy": pytest.approx(2.75),  # six classes of 1/8 and C twice
        "note_density": 2.0,
        "mean_duration": 0.5,
        "polyphony": 1.0,
        "pause_share": 0.0,
        "lowest_centre": 66.25,
        "highest_centre": 66.25,
        "in_key_share": 1.0,
        "local_key_share": 1.0,
        "dissonance_share": 0.0,
        "off_grid_share": 0.0,
        "beat_share": 1.0,
        "together_share": 0.0,
        "length_variety": 1.0,
        "syncopated_share": 0.0,
        "mean_interval": pytest.approx(12 / 7),
        "step_share": 1.0,
        "leap_share": 0.0,
        "track_leap_share": 0.0,
        "crossing_share": 0.0,
        "longest_still": 1.0,
        "thinnest_share": 1.0,
        "fewest_tracks_share": 1.0,
        "longest_vamp": 3,
    }


def test_longest_run_counts_pitches_and_chords_alike():
    assert midi.longest_run(score(*line(60, 60, 60, 62, 60))) == 3
    assert midi.longest_run(score(*line((60, 64), (64, 60), (60, 64), (60, 64, 67)))) == 3


def test_notes_a_hair_apart_are_one_chord():
    strummed = score((0, 60, 0), (20, 64, 0), (30, 67, 0), (BEAT, 72, 0))
    events, onsets = events_of(strummed)
    assert [event.bit_count() for event in events] == [3, 1]
    assert onsets.tolist() == [0.0, 0.5]
    assert len(events_of(score((0, 60, 0), (31, 64, 0)))[0]) == 2


def test_top_note_and_distinct_share():
    piece = score(*line(60, 60, 60, 62, (60, 64)))
    assert midi.top_note_share(piece) == pytest.approx(3 / 5)
    assert midi.distinct_share(piece) == pytest.approx(3 / 5)


def test_loop_share_finds_a_figure_that_longest_run_misses():
    figure = score(*line(*[60, 64, 67, 64] * 10))
    assert midi.longest_run(figure) == 1
    assert midi.loop_share(figure) == 1.0
    assert midi.loop_share(score(*line(*RANDOM))) < 0.1


def test_longest_loop_finds_a_figure_within_a_piece():
    figure = [60, 64, 67]
    assert midi.longest_loop(score(*line(*RANDOM[:50], *figure * 4, *RANDOM[50:90]))) == 12
    assert midi.longest_loop(score(*line(*RANDOM[:50], *figure * 3, *RANDOM[50:90]))) == 0
    assert midi.longest_loop(score(*line(*[60] * 7))) == 7
    assert midi.longest_loop(score(*line(60, 62, 64))) == 0


def test_entropy_is_at_most_that_of_twelve_classes():
    chromatic = score(*line(*range(60, 72)))
    assert midi.pitch_class_entropy(chromatic) == pytest.approx(math.log2(12))
    assert midi.pitch_class_entropy(score(*line(60, 72, 48))) == 0.0


def test_density_follows_the_tempo_map_and_the_stretch():
    fast = Score(make_notes([0, BEAT, 2 * BEAT], BEAT, 60, 80), BEAT, tempos=(TempoChange(0, 240.0),))
    assert midi.note_density(fast) == pytest.approx(4.0)
    assert midi.note_density(fast, seconds=3.0) == pytest.approx(1.0)


def test_polyphony_counts_only_sounding_time():
    assert midi.polyphony(score(*line((60, 64, 67)))) == pytest.approx(3.0)
    with_gap = score((0, 60, 0), (4 * BEAT, 62, 0), (4 * BEAT, 64, 0))
    assert midi.polyphony(with_gap) == pytest.approx(1.5)
    overlapping = score((0, 60, 0), (BEAT, 62, 0), duration=2 * BEAT)
    assert midi.polyphony(overlapping) == pytest.approx(4 / 3)
    assert midi.polyphony(score((0, 60, 0), duration=0)) == 0.0


def test_drums_are_left_out_unless_there_is_nothing_else():
    tracks = (Track(), Track(is_drum=True))
    mixed = score(*line(60, 62), *line(36, 36, 36, 36, 36, track=1), tracks=tracks)
    assert midi.num_notes(mixed) == 2
    assert midi.longest_run(mixed) == 1
    only_drums = score(*line(36, 36, 38, track=1), tracks=tracks)
    assert midi.num_notes(only_drums) == 3
    assert midi.longest_run(only_drums) == 2


def test_pitch_class_distance_is_total_variation():
    assert midi.pitch_class_distance(SCALE, score(*line(48, 50, 52, 53, 55, 57, 59, 84))) == 0.0  # other octaves
    assert midi.pitch_class_distance(score(*line(60, 62)), score(*line(61, 63))) == 1.0
    assert midi.pitch_class_distance(score(*line(60, 62)), score(*line(60, 60, 60, 62))) == pytest.approx(0.25)


def test_density_ratio():
    twice = score(*line((60, 64), (62, 65)))
    assert midi.note_density_ratio(score(*line(60, 62)), twice) == pytest.approx(2.0)


def test_empty_scores_have_a_defined_result():
    assert set(midi.describe(EMPTY).values()) == {0}
    both = midi.evaluate(EMPTY, EMPTY)["between"]
    assert both == {"pitch_class_distance": 0.0, "note_density_ratio": 1.0}
    for pair in ((EMPTY, SCALE), (SCALE, EMPTY)):
        between = midi.evaluate(*pair)["between"]
        assert between == {"pitch_class_distance": 1.0, "note_density_ratio": 0.0}
        assert set(originality.evaluate(*pair).values()) == {0}
    assert set(originality.evaluate(EMPTY, EMPTY).values()) == {0}
    assert originality.longest_copied_passage([], SCALE) == originality.Passage()


def test_validate_names_the_wrong_argument():
    with pytest.raises(InvalidInput, match=r"The generated piece of a MIDI comparison must be a Score\. Received: str"):
        midi.evaluate(SCALE, "a path")  # type: ignore[arg-type]


def test_cutting_keeps_what_begins_inside():
    assert between_seconds(SCALE, 0.5, 1.5).notes["pitch"].tolist() == [62, 64]
    assert between_seconds(SCALE, 9.0, 10.0).num_notes == 0


def test_a_copy_is_found_whole_and_at_its_place():
    song = score(*line(*RANDOM))
    generated = score(*line(1, 1, 1, *RANDOM[100:137], 1, 1))
    found = originality.longest_copied_passage([SCALE, song], generated, transposed=False)
    assert found == originality.Passage(37, 1, 1.5, 50.0)
    assert originality.longest_copied_notes(song, generated) == 37


def test_a_transposed_copy_is_found_by_its_intervals_only():
    song = score(*line(*RANDOM))
    generated = score(*line(*(pitch + 5 for pitch in RANDOM[200:230])))
    assert originality.longest_copied_notes(song, generated) == 30
    assert originality.longest_copied_notes(song, generated, transposed=False) < 6


def test_chords_must_have_the_same_shape():
    song = score(*line((60, 64, 67), (62, 65, 69), (64, 67, 71)))
    moved = score(*line((62, 66, 69), (64, 67, 71), (66, 69, 73)))
    other = score(*line((62, 66, 69), (64, 68, 71), (66, 69, 73)))
    assert originality.longest_copied_notes(song, moved) == 3
    assert originality.longest_copied_notes(song, other) == 2  # only its last step, from major to minor


def test_a_melody_taken_from_one_track_is_found():
    song = score(*line(*RANDOM[:60]), *line(*RANDOM[60:120], track=1))
    melody = score(*line(*RANDOM[60:120]))
    assert originality.longest_copied_notes(song, melody) == 60
    assert originality.copied_ngram_share(song, melody) == 1.0


def test_no_passage_runs_from_song_to_song():
    first, second = score(*line(*RANDOM[:10])), score(*line(*RANDOM[10:20]))
    generated = score(*line(*RANDOM[:20]))
    assert originality.longest_copied_passage([first, second], generated, transposed=False).num_events == 10


def test_ngram_share_counts_windows_of_eight():
    song = score(*line(*RANDOM[:40]))
    generated = score(*line(*RANDOM[:20], *RANDOM[300:320]))
    # 33 windows of eight notes; the 13 inside the first twenty notes are the song's.
    assert originality.copied_ngram_share(song, generated) == pytest.approx(13 / 33)
    assert originality.copied_ngram_share(song, score(*line(*RANDOM[:7]))) == 0.0


def test_repeated_notes_are_no_copy_of_repeated_notes():
    song = score(*line(*[60] * 40, *RANDOM[:12]))
    generated = score(*line(*[67] * 60, *RANDOM[300:320]))
    every, varied = originality.copied_shares(song, generated)
    assert every > 0.6
    assert varied == 0.0
    few = originality.copied_shares(song, score(*line(*[60] * 60, *RANDOM[:12])))
    assert few == (1.0, pytest.approx(10 / 16)), "ten passages move, and so few do not say much"
    assert originality.copied_shares(song, score(*line(*RANDOM[:12]))) == (1.0, 1.0), "here they are all there is"
    assert originality.copied_shares(song, score(*line(*[67] * 60))) == (1.0, 0.0)


def brute_force(one: list[int], other: list[int]) -> int:
    best = 0
    for i in range(len(one)):
        for j in range(len(other)):
            length = 0
            while i + length < len(one) and j + length < len(other) and one[i + length] == other[j + length]:
                length += 1
            best = max(best, length)
    return best


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(60, 63), max_size=40),
    st.lists(st.integers(60, 63), max_size=40),
)
def test_longest_passage_equals_brute_force(song: list[int], generated: list[int]):
    pair = score(*line(*song)), score(*line(*generated))
    assert originality.longest_copied_notes(*pair, transposed=False) == brute_force(song, generated)
    steps = brute_force(np.diff(song).tolist(), np.diff(generated).tolist())
    expected = steps + 1 if steps else int(bool(set(song) & set(generated)))
    assert originality.longest_copied_notes(*pair) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 127), max_size=30), st.lists(st.integers(0, 127), max_size=30))
def test_distance_is_symmetric_and_bounded(one: list[int], other: list[int]):
    a, b = score(*line(*one)), score(*line(*other))
    distance = midi.pitch_class_distance(a, b)
    assert distance == pytest.approx(midi.pitch_class_distance(b, a))
    assert 0.0 <= distance <= 1.0 + 1e-12
    assert midi.pitch_class_distance(a, a) == 0.0
