"""Words of a jazz grammar: intervals, chords and scales, from notes to words and back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.approaches.jazz_lstm.copies import copied_share, longest_run
from musicgen.approaches.jazz_lstm.gathering_chords import gathered_chords
from musicgen.approaches.jazz_lstm.lines import by_measure, single_notes, top_line, whole_measures
from musicgen.approaches.jazz_lstm.phrases import ANY, Fitting, MelodyPlayer, as_chord_tones, pruned
from musicgen.approaches.jazz_lstm.tokens import Phrasing, Token, chord_at, read_token
from musicgen.approaches.jazz_lstm.tone_weights import WIDEST, ToneWeights
from musicgen.errors import InvalidInput
from musicgen.symbolic.gathering import STEPS, Event, gather_events
from musicgen.symbolic.harmony import quality_of, tones_of
from musicgen.symbolic.score import Score, make_notes
from musicgen.symbolic.spelling import Interval, interval_between, interval_name, plain_interval, read_interval
from tests.makers_jazz import PIANO, SAX, WORDS, tune

BAR = 4 * STEPS


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (60, 60, "P1"), (60, 61, "A1"), (61, 60, "d1"), (60, 62, "M2"), (60, 63, "m3"), (61, 63, "d3"), (60, 59, "m-2"),
        (60, 57, "m-3"), (60, 66, "A4"), (66, 72, "d5"), (60, 72, "P8"), (60, 48, "P-8"), (68, 75, "d6"),
        (56, 58, "d3"), (60, 77, "P11"), (76, 68, "m-6"), (65, 68, "A2"), (68, 63, "A-3"),
    ],
)  # fmt: skip
def test_intervals_have_the_names_of_written_notes(first: int, second: int, name: str) -> None:
    assert interval_name(interval_between(first, second)) == name


@given(st.integers(-24, 24), st.integers(-3, 3))
def test_interval_names_are_read_back(steps: int, off: int) -> None:
    octaves, step = divmod(abs(steps), 7)
    semitones = 12 * octaves + (0, 2, 4, 5, 7, 9, 11)[step] + off
    interval = Interval(steps, -semitones if steps < 0 else semitones)
    assert read_interval(interval_name(interval)) == interval


@pytest.mark.parametrize("name", ["", "P3", "M5", "3", "M0", "MM3", "m"])
def test_what_is_no_interval_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"Received|perfect"):
        read_interval(name)


def test_plain_intervals_have_one_name_for_each_distance() -> None:
    assert [plain_interval(n).semitones for n in range(-12, 13)] == list(range(-12, 13))
    assert interval_name(plain_interval(3)) == "m3"


@pytest.mark.parametrize(
    ("pitches", "quality"),
    [
        ((60, 64, 67), "major"), ((64, 67, 72), "major"), ((62, 65, 69), "minor"), ((71, 74, 77), "diminished"),
        ((60, 64, 68), "augmented"), ((55, 59, 62, 65), "major"), ((60, 64), "major"), ((60, 63), "minor"),
        ((60, 67), "other"), ((60, 62, 63, 64), "other"),
    ],
)  # fmt: skip
def test_chord_quality(pitches: tuple[int, ...], quality: str) -> None:
    assert quality_of(pitches) == quality


def test_the_scale_of_a_chord_counts_as_it_is_written() -> None:
    assert tones_of((60, 64, 67)).scale == {7, 9, 11, 0, 2, 4, 6}  # G major, the highest that holds C major
    flat = tones_of((61, 65, 68))  # D flat major lies in A flat major, of which a file without names shows little
    assert tones_of((61, 65, 68), as_written=False).scale == {8, 10, 0, 1, 3, 5, 7}
    assert flat.scale < tones_of((61, 65, 68), as_written=False).scale
    assert tones_of((60, 64, 67)).kind_of(65) == "A"
    assert tones_of((60, 64, 67)).kind_of(70) == "X"


def test_words_worked_out_by_hand() -> None:
    score = tune(3)
    line = by_measure(single_notes(gather_events(score, [SAX])), 0, BAR, 6)
    chords = by_measure(gather_events(score, [PIANO]), 0, BAR, 6)
    words = Phrasing().measures(line, chords)
    assert [" ".join(measure) for measure in words] == list(WORDS) * 3


def test_linked_measures_go_on_from_the_note_before() -> None:
    score = tune(2)
    line = by_measure(single_notes(gather_events(score, [SAX])), 0, BAR, 4)
    chords = by_measure(gather_events(score, [PIANO]), 0, BAR, 4)
    words = Phrasing(as_written=False, linked=True).measures(line, chords)
    assert words[0][0] == "C,0.500"
    assert words[1][0] == "C,1.000,<m-3,M-6>"  # from E flat down to A: a tritone, give or take a minor third
    assert all(len(word.split(",")) == 4 for measure in words[1:] for word in measure)


def test_words_are_read_back() -> None:
    for word in " ".join(WORDS).split():
        assert str(read_token(word)) == word
    assert read_token("R,0.333") == Token("R", 4)
    for bad in ("", "C", "Z,0.250", "C,x", "C,0.250,<P4>"):
        with pytest.raises(InvalidInput):
            read_token(bad)


def test_notes_struck_together_are_a_chord_and_swing_stays() -> None:
    on = [0, 7, 12, 321, 600, 961]
    off = [470, 480, 470, 470, 700, 1100]
    notes = make_notes(on, np.array(off) - on, [67, 64, 60, 72, 74, 76], 80)
    events = gather_events(Score(notes), [0])
    assert [(event.onset, event.pitches) for event in events] == [
        (0, (67, 64, 60)),
        (8, (72,)),
        (15, (74,)),
        (24, (76,)),
    ]
    assert events[1].length == 4
    straight = gather_events(Score(notes), [0], grid="straight")
    assert [event.onset for event in straight] == [0, 9, 15, 24]


def test_the_top_line_leaves_the_accompaniment_under_it() -> None:
    melody = [Event(0, 24, (76,), 80), Event(24, 24, (74, 60, 55), 80)]
    below = [Event(6, 6, (52,), 80), Event(12, 6, (55,), 80), Event(18, 6, (72,), 80)]
    line = top_line(sorted([*melody, *below], key=lambda event: event.onset))
    assert [event.pitches for event in line] == [(76,), (72,), (74,)]


def test_chords_are_gathered_from_single_voices() -> None:
    arpeggio = [Event(6 * n, 6, (pitch,), 80) for n, pitch in enumerate((48, 55, 52, 55, 50, 57, 53, 57))]
    chords = gathered_chords(arpeggio)
    assert [(chord.onset, chord.pitches) for chord in chords] == [(0, (48, 52, 55)), (24, (50, 53, 57))]
    assert gathered_chords([Event(0, 24, (60,), 80)]) == []


Rows = tuple[tuple[int, int, int], ...]


@pytest.mark.parametrize(
    ("notes", "chords"),
    [
        # G major, then C major: together they clash.
        (
            ((0, 12, 55), (0, 12, 59), (0, 12, 62), (12, 12, 48), (12, 12, 55), (12, 12, 64)),
            [(0, 12, (55, 59, 62)), (12, 12, (48, 55, 64))],
        ),
        # A seventh, then another chord, as dissonant in itself as both together.
        (((0, 12, 53), (0, 12, 59), (12, 12, 48), (12, 12, 64)), [(0, 12, (53, 59)), (12, 12, (48, 64))]),
        # A bass note and its chord after it are one chord; so are they within a beat.
        (((0, 12, 48), (12, 12, 64), (12, 12, 67)), [(0, 24, (48, 64, 67))]),
        (((0, 12, 36), (0, 12, 67), (6, 6, 60), (6, 6, 64)), [(0, 12, (36, 60, 64, 67))]),
        # The D passes between C and what comes next.
        (((0, 12, 48), (0, 6, 60), (6, 6, 62), (0, 12, 67)), [(0, 12, (48, 60, 67))]),
        # No chord is left of what is one note in five octaves.
        ((*((0, 12, 12 * octave) for octave in range(2, 7)), (0, 3, 64)), []),
    ],
)
def test_gathered_chords_change_as_often_as_the_harmony(notes: Rows, chords: list[Any]) -> None:
    found = gathered_chords([Event(onset, length, (pitch,), 80) for onset, length, pitch in notes])
    assert [(chord.onset, chord.length, chord.pitches) for chord in found] == chords


def test_beats_are_paired_from_the_barline() -> None:
    """Waltzes in C and G: a bass note, then the chord twice."""
    events, waltz = [], ((48, (64, 67)), (43, (62, 59)), (48, (64, 67)), (43, (62, 59)))
    for bar, (bass, above) in enumerate(waltz):
        events.append(Event(36 * bar, 12, (bass,), 80))
        events += [Event(36 * bar + 12 * beat, 12, above, 80) for beat in (1, 2)]
    found = gathered_chords(events, [0, 36, 72, 108])
    assert [chord.onset for chord in found] == [0, 24, 36, 60, 72, 96, 108, 132]
    assert [chord.pitches for chord in found][:4] == [(48, 64, 67), (64, 67), (43, 59, 62), (59, 62)]


def test_pitches_are_weighed_by_chord_move_and_key() -> None:
    intervals, moves, classes = [0.02] * 12, [0.01] * (2 * WIDEST + 1), [0.05] * 12
    intervals[4], intervals[9], moves[WIDEST + 2], classes[4] = 0.5, 0.25, 0.4, 0.2
    weights = ToneWeights(tuple(intervals), tuple(moves), tuple(classes))
    # E and F over C and G, after D: E is 4 over C and 9 over G, 2 up from D, and frequent; F is nothing of all that.
    found = weights.of(np.array([64, 65]), (48, 55, 60), 62)
    np.testing.assert_allclose(found, [(0.5 * 0.25) ** 0.5 * 0.4 * 0.2, 0.02 * 0.01 * 0.05])
    np.testing.assert_allclose(weights.of(np.array([64]), (48, 55), None), [(0.5 * 0.25) ** 0.5 * 0.2])
    np.testing.assert_allclose(replace(weights, strength=2.0).of(np.array([64, 65]), (48, 55), 62), found**2)
    # Beyond an octave, all moves are alike.
    assert weights.of(np.array([62 + 12]), (50,), 62) == weights.of(np.array([62 + 36]), (50,), 62)


@given(st.integers(0, 1000))
def test_with_weights_a_word_means_its_own_kind_of_tone_and_a_note_may_come_again(seed: int) -> None:
    moves = np.full(2 * WIDEST + 1, 1e-6)
    moves[WIDEST] = 1.0
    weights = ToneWeights((1 / 12,) * 12, tuple(moves), (1 / 12,) * 12)
    fitting = Fitting(nearness=1.0, lowest=60, highest=84, home=66, as_written=False, weights=weights)
    chord = [Event(0, 48, (48, 52, 55), 80)]
    player = MelodyPlayer(fitting, np.random.default_rng(seed))
    scale, again = player.measure([read_token("S,1.000"), read_token("S,1.000,<M3,m-3>")], chord, BAR)
    assert tones_of((48, 52, 55), as_written=False).kind_of(scale.pitches[0]) == "S"  # no tone of the chord
    assert again.pitches == scale.pitches


def test_exact_measures_add_up() -> None:
    line = [Event(0, 11, (60,), 80), Event(12, 6, (62,), 80), Event(24, 60, (64,), 80), Event(100, 12, (65,), 80)]
    measures = whole_measures(line, 0, BAR, 3)
    assert [sum(event.length for event in events) for events in measures] == [BAR] * 3
    assert [(event.length, event.pitches) for event in measures[0]] == [(12, (60,)), (6, (62,)), (6, ()), (24, (64,))]
    assert [(event.length, event.pitches) for event in measures[1]] == [(48, ())]
    assert all(a.end == b.onset for events in measures for a, b in pairwise(events))


def test_the_chord_of_a_moment() -> None:
    chords = [Event(6, 6, (60, 64), 80), Event(24, 6, (62, 65), 80)]
    assert [chord_at(chords, onset).onset for onset in (0, 6, 23, 24, 40)] == [6, 6, 6, 24, 24]


@given(st.integers(0, 10_000))
def test_notes_made_from_words_fit_them(seed: int) -> None:
    chords = [Event(0, 48, (48, 52, 55), 80)]
    tokens = [read_token(word) for word in WORDS[0].split()]
    notes = MelodyPlayer(Fitting(), np.random.default_rng(seed)).measure(tokens, chords, BAR)
    tones = tones_of((48, 52, 55))
    assert [note.length for note in notes] == [6, 6, 4, 8, 12]
    assert 60 <= notes[0].pitches[0] < 72
    for before, note, token in zip([None, *notes], notes, tokens, strict=False):
        pitch = note.pitches[0]
        assert pitch >= 48
        if (
            before is not None
            and token.reach is not None
            and pitch not in (48, *range(before.pitches[0] - 2, before.pitches[0] + 3))
        ):
            low, high = sorted(interval.semitones for interval in token.reach)
            assert low <= pitch - before.pitches[0] <= high
            assert (
                token.kind == "X" or pitch % 12 in {"C": tones.chord, "S": tones.scale, "A": tones.approach}[token.kind]
            )


def test_no_note_crosses_its_measure() -> None:
    tokens = [Token("C", 30), Token("R", 6), Token("C", 30), Token("C", 30)]
    notes = MelodyPlayer(Fitting(), np.random.default_rng(0)).measure(tokens, [Event(0, 48, (60, 64, 67), 80)], BAR)
    assert [(note.onset, note.end) for note in notes] == [(0, 30), (36, 48)]


@given(st.integers(0, 1000))
def test_as_the_authors_tidied_up(seed: int) -> None:
    tokens = as_chord_tones([read_token(word) for word in " ".join(WORDS).split()] * 4)
    assert {token.kind for token in tokens} == {"C", "S"}
    player = MelodyPlayer(Fitting(round_lengths=True), np.random.default_rng(seed))
    notes = pruned(player.measure(tokens, [Event(0, 48, (60, 64, 67), 80)], None))
    assert all(note.length % 3 == 0 and note.length > 0 and note.onset % 3 == 0 for note in notes)
    assert all(note.pitches[0] >= 48 for note in notes)
    assert len({note.onset for note in notes}) == len(notes)


def test_the_line_turns_where_the_register_ends() -> None:
    up = read_token("C,0.250,<P8,A4>")
    fitting = Fitting(nearness=1.0, lowest=60, highest=72, home=60)
    player = MelodyPlayer(fitting, np.random.default_rng(0))
    notes = player.measure([Token("C", 3), *[up] * 12], [Event(0, 48, (48, 52, 55), 80)], None)
    assert all(60 <= note.pitches[0] <= 72 for note in notes)
    assert Fitting().nearness == ANY


def test_copies_are_found_in_any_key() -> None:
    known = [60, 62, 64, 65, 67, 69, 71, 72, 74]
    assert copied_share([known], [pitch + 5 for pitch in known]) == 1.0
    assert copied_share([known], known[::-1]) == 0.0
    assert copied_share([known], [60, 62]) == 0.0
    assert longest_run([60, 60, 60, 62]) == 3
    assert longest_run([]) == 0
