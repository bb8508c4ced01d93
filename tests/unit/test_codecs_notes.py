"""Notes as words and as events: what is kept, what is not, and the way back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.approaches.notes.event_examples import SHADOW, EventExamples, EventStretch
from musicgen.approaches.notes.event_features import FADING, NOTHING_HEARD, features_of
from musicgen.approaches.notes.event_fitting import make_event_codec
from musicgen.approaches.notes.events import (
    DURATION,
    FIELDS,
    GAP,
    LENGTHS,
    PITCH,
    STEPS_PER_BEAT,
    VOICE,
    EventCodec,
    nearest,
)
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.token_examples import TokenSequences, TokenWindows, window_starts
from musicgen.approaches.notes.token_facts import (
    MAX_ROWS,
    beats,
    count_tokens,
    event_table,
    frequency_histogram,
    token_table,
)
from musicgen.approaches.notes.tokens import (
    longest_run,
    melodic_tracks,
    normal_order,
    note_word,
    score_to_tokens,
    tokens_to_score,
    word_pitches,
)
from musicgen.codecs.holding_out import held_out_parts
from musicgen.codecs.vocabulary import Vocabulary, frequent
from musicgen.errors import CorruptArtifact, InvalidInput
from musicgen.symbolic.score import Score, TimeSignature, Track, make_notes
from tests.makers_music import chords, melody


def score_of(*notes: tuple[float, float, int], tracks: tuple[Track, ...] = (Track(),), track: object = 0) -> Score:
    """(onset, duration, pitch) in beats."""
    onset, duration, pitch = np.array(notes).T
    return Score(make_notes(np.rint(onset * 480), np.rint(duration * 480), pitch, 80, track), 480, tracks)


class TestWords:
    def test_n1_notes_chords_flats_and_octaves(self) -> None:
        score = score_of((0, 1, 60), (1, 1, 60), (1, 1, 64), (1, 1, 67), (2, 1, 70), (3, 1, 60), (3, 1, 72))
        assert score_to_tokens(score) == ["C4", "0.4.7", "B-4", "0"]

    def test_sharps_and_flats_are_named_as_music21_names_them(self) -> None:
        assert [note_word(60 + pitch)[:-1] for pitch in range(12)] == [
            "C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B"
        ]  # fmt: skip

    @pytest.mark.parametrize("pitch", range(128))
    def test_a_note_comes_back(self, pitch: int) -> None:
        assert word_pitches(note_word(pitch)) == [pitch]

    @pytest.mark.parametrize(
        ("pitches", "order"),
        [
            ([60, 64, 67], [0, 4, 7]),
            ([64, 67, 72], [0, 4, 7]),
            ([57, 60, 64], [9, 0, 4]),
            ([62, 65, 69, 60], [9, 0, 2, 5]),
            ([60, 64, 68], [0, 4, 8]),
            ([59, 62, 65, 68], [2, 5, 8, 11]),
            ([62, 64, 70], [10, 2, 4]),
        ],
    )
    def test_normal_order(self, pitches: list[int], order: list[int]) -> None:
        assert normal_order(pitches) == order

    def test_every_chord_of_music21(self) -> None:
        """Our normal order is music21's for all sets of pitch classes (a sample of them here: 4,095 were checked)."""
        from music21 import chord

        for bits in range(1, 4096, 97):
            classes = [number for number in range(12) if bits >> number & 1]
            assert normal_order(classes) == list(chord.Chord([60 + number for number in classes]).normalOrder)

    def test_n2_drums_never_and_piano_if_wanted(self) -> None:
        tracks = (Track("Piano", 0), Track("Bass", 33), Track("Kit", 0, is_drum=True))
        score = score_of((0, 1, 60), (0, 1, 40), (0, 1, 36), tracks=tracks, track=[0, 1, 2])
        assert score_to_tokens(score) == ["C4", "E2"]
        assert score_to_tokens(score, piano_only=True) == ["C4"]
        assert melodic_tracks(score, (1, 2)) == [1]

    def test_one_track_after_the_other_or_together(self) -> None:
        tracks = (Track("Right"), Track("Left"))
        score = score_of((0, 1, 72), (1, 1, 74), (0, 2, 48), (2, 2, 50), tracks=tracks, track=[0, 0, 1, 1])
        assert score_to_tokens(score) == ["C5", "D5", "C3", "D3"]
        assert score_to_tokens(score, in_time_order=True) == ["C5", "C3", "D5", "D3"]

    def test_what_ends_at_another_time_is_no_chord(self) -> None:
        assert score_to_tokens(score_of((0, 1, 60), (0, 4, 64), (0.05, 1, 67))) == ["7.0", "E4"]

    def test_n3_threshold_keeps_what_occurs_as_often(self) -> None:
        songs = [["a", "a", "b"], ["a", "b", "c"]]
        assert frequent(songs, 2).tokens == ("a", "b")
        assert frequent(songs, 3).tokens == ("a",)
        assert frequent(songs, 0).tokens == frequent(songs, 1).tokens == ("a", "b", "c")

    def test_n4_windows_never_cross_songs(self) -> None:
        starts = window_starts([5, 3, 2, 7], 3)
        assert starts.tolist() == [0, 1, 10, 11, 12, 13]
        windows = TokenWindows(np.arange(17, dtype=np.int32), starts, 3).gather(np.arange(6), None)
        assert windows["inputs"][1].tolist() == [1, 2, 3]
        assert windows["target"].tolist() == [3, 4, 13, 14, 15, 16]

    def test_n7_one_vocabulary(self) -> None:
        vocabulary = Vocabulary(["E4", "C4", "0.4.7", "C4"])
        assert vocabulary.tokens == ("0.4.7", "C4", "E4")
        words = ["C4", "0.4.7", "E4", "C4"]
        assert vocabulary.decode(vocabulary.encode(words)) == words
        with pytest.raises(InvalidInput, match="'G4'"):
            vocabulary.encode(["G4"])
        with pytest.raises(InvalidInput, match="0 … 2"):
            vocabulary.decode([3])

    def test_a_vocabulary_that_was_tampered_with_is_refused(self) -> None:
        assert Vocabulary.from_json(["a", "b"]).tokens == ("a", "b")
        for stored in (["b", "a"], ["a", "a", "b"]):
            with pytest.raises(CorruptArtifact):
                Vocabulary.from_json(stored)

    def test_n10_n11_an_event_a_step_and_a_chord_once(self) -> None:
        score = tokens_to_score(["C4", "0.4.7", "B-4"], step_beats=0.5, note_beats=0.5, tempo=90)
        assert score.num_notes == 5
        assert sorted(set(score.onset_beats.tolist())) == [0.0, 0.5, 1.0]
        assert score.notes["pitch"][1:4].tolist() == [60, 64, 67]
        assert score.tempos[0].tempo == 90

    @pytest.mark.parametrize("word", ["", "H4", "C", "4C", "12.x", "C99", "C#-9"])
    def test_what_is_no_word(self, word: str) -> None:
        with pytest.raises(InvalidInput, match="token"):
            word_pitches(word)

    def test_longest_run(self) -> None:
        assert [longest_run(words) for words in ([], ["a"], ["a", "a", "b"], ["b", "a", "a", "a"])] == [0, 1, 2, 3]

    def test_token_codec_keeps_everything_in_json(self) -> None:
        codec = TokenCodec(Vocabulary(["C4", "E4", "G4"]), ((0, 1),), False, True, 96.0)
        again = TokenCodec.from_json(json.loads(json.dumps(codec.to_json())))
        assert again.to_json() == codec.to_json()
        assert again.score_to_ids(melody([60, 62, 64])).tolist() == [0, 1]
        assert again.ids_to_score(np.array([2, 0])).notes["pitch"].tolist() == [67, 60]


class TestEvents:
    def test_round_trip_keeps_notes_rhythm_and_tracks(self) -> None:
        score = chords(6)
        codec, (song,) = make_event_codec([(score, None)])
        back = codec.events_to_score(codec.ids_to_events(codec.events_to_ids(song.events)), tempo=100.0)
        for name in ("pitch", "velocity"):
            assert (
                np.abs(np.sort(back.notes[name]).astype(int) - np.sort(score.notes[name])).max()
                <= (name == "velocity") * 4
            )
        np.testing.assert_allclose(np.sort(back.onset), np.sort(score.onset), atol=1e-6)
        np.testing.assert_allclose(np.sort(back.duration_beats), np.sort(score.duration_beats), atol=1e-6)
        assert [track.name for track in back.tracks] == ["Right", "Left"]

    def test_drums_and_other_tracks_stay_out(self) -> None:
        score = chords(3, with_drums=True)
        assert 36 not in make_event_codec([(score, None)])[1][0].events[:, PITCH]
        codec, (song,) = make_event_codec([(score, (1,))])
        assert len(song) == 9
        assert [voice.name for voice in codec.voices] == ["Left"]

    def test_a_chord_is_ordered_from_low_to_high_and_has_no_gaps(self) -> None:
        codec, (song,) = make_event_codec([(score_of((2, 1, 67), (2, 1, 60), (2, 2, 64), (3.5, 1, 62)), None)])
        assert song.events[:, PITCH].tolist() == [60, 64, 67, 62]
        assert song.events[:, GAP].tolist() == [0, 0, 0, 36]
        assert song.start == 2 * STEPS_PER_BEAT
        assert song.position.tolist() == [48, 48, 48, 84]
        assert codec.most_together == 3

    def test_same_program_twice_is_two_voices_and_strangers_join_the_nearest(self) -> None:
        tracks = (Track("V1", 40), Track("V2", 40), Track("Cello", 42))
        learned = score_of((0, 1, 76), (0, 1, 69), (0, 1, 45), tracks=tracks, track=[0, 1, 2])
        codec, _ = make_event_codec([(learned, None)])
        assert [(voice.program, voice.number) for voice in codec.voices] == [(40, 0), (40, 1), (42, 0)]
        stranger = score_of((0, 1, 60), (0, 1, 50), tracks=(Track("Viola", 41), Track("Bass", 43)), track=[0, 1])
        events = codec.score_to_song(stranger).events
        assert [codec.voices[v].program for v in events[:, VOICE]] == [42, 40]

    def test_lengths_are_rounded_finely_where_short_and_coarsely_where_long(self) -> None:
        assert set(range(25)) <= set(LENGTHS.tolist())
        assert LENGTHS[nearest(LENGTHS, np.array([6, 8, 25, 27, 101, 5000]))].tolist() == [6, 8, 24, 26, 96, 384]
        assert (np.diff(LENGTHS) > 0).all()

    def test_ids_out_of_range_are_refused(self) -> None:
        codec, (song,) = make_event_codec([(chords(2), None)])
        ids = codec.events_to_ids(song.events)
        ids[0, PITCH] = codec.sizes[PITCH]
        with pytest.raises(InvalidInput, match="pitch"):
            codec.ids_to_events(ids)

    def test_json(self) -> None:
        codec, _ = make_event_codec([(chords(4), None)])
        assert EventCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec

    def test_a_voice_of_single_notes_is_known_and_kept_so(self) -> None:
        codec, (song,) = make_event_codec([(chords(8), None)])
        assert codec.is_single == (True, False)
        events = song.events.copy()
        events[:, DURATION] = 200
        score = codec.events_to_score(events)
        right = score.notes[score.notes["track"] == 0]
        assert (np.diff(right["onset_ticks"]) >= right["duration_ticks"][:-1]).all()
        assert (score.notes["duration_ticks"][score.notes["track"] == 1] == 200).all()

    def test_how_often_a_pitch_is_repeated(self) -> None:
        assert make_event_codec([(melody([60, 62, 62, 62, 64, 62]), None)])[0].most_repeats == 3
        assert make_event_codec([(melody([60]), None)])[0].most_repeats == 1

    def test_how_long_all_voices_repeat_themselves(self) -> None:
        assert make_event_codec([(melody([60, 62, 62, 62, 64, 62]), None)])[0].most_still == 3
        high, low = [72, 72, 72, 74], [48, 48, 50, 50]  # together: 72 48 72 48 72 50 74 50
        notes = make_notes(np.repeat(np.arange(4) * 480, 2), 480, np.ravel([low, high], "F"), 80, [1, 0] * 4)
        two = Score(notes, 480, (Track("High", 0), Track("Low", 32)))
        assert make_event_codec([(two, None)])[0].most_still == 3  # the low voice moves, the high one does not
        older = {
            name: value for name, value in make_event_codec([(two, None)])[0].to_json().items() if name != "most_still"
        }
        assert EventCodec.from_json(older).to_json() == older

    def test_other_bars(self) -> None:
        waltz = Score(make_notes([0, 480, 960], 480, [60, 64, 67], 80), 480, time_signatures=(TimeSignature(0, 6, 8),))
        codec, _ = make_event_codec([(waltz, None)])
        assert codec.bar == 72
        signature = codec.events_to_score(np.zeros((0, 5), np.int32)).time_signatures[0]
        assert signature.numerator / signature.denominator == 6 / 8

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 2000), st.integers(0, 900), st.integers(0, 127), st.integers(0, 127)), min_size=1
        )
    )
    def test_anything_comes_back_as_music(self, rows: list[tuple[int, int, int, int]]) -> None:
        onset, duration, pitch, velocity = np.array(rows).T
        codec, (song,) = make_event_codec([(Score(make_notes(onset, duration, pitch, velocity), 96), None)])
        ids = codec.events_to_ids(song.events)
        np.testing.assert_array_equal(codec.ids_to_events(ids), song.events)
        assert codec.events_to_score(song.events).num_notes == len(rows)
        assert (song.events[:, DURATION] >= 1).all()


class TestFeatures:
    def test_what_sounds_who_sang_what_and_where_in_the_bar(self) -> None:
        score = score_of((0, 2, 60), (1, 1, 64), (2, 1, 67), (4.5, 1, 60))
        codec, (song,) = make_event_codec([(score, None)])
        low = codec.values[PITCH][0]
        found = features_of(codec, codec.events_to_ids(song.events)[None], song.position[None], np.array([[song.bar]]))
        sounding = [np.flatnonzero(row) + low for row in found.sounding[0]]
        assert [list(row) for row in sounding] == [[], [60], [], []]  # at beat 2 both have just ended
        assert [list(np.flatnonzero(row) + low) for row in found.sounding_after[0]] == [[60], [60, 64], [67], [60]]
        assert (found.last[0][1:] + low).tolist() == [60, 64, 67]
        assert found.last[0][0] == codec.sizes[PITCH]
        assert found.phase[0].tolist() == [[0, 0], [0, 1], [0, 2], [12, 0]]

    def test_tonality_is_the_fading_share_of_each_pitch_class(self) -> None:
        codec, (song,) = make_event_codec([(melody([60, 67, 60, 64]), None)])
        low = codec.values[PITCH][0]
        found = features_of(codec, codec.events_to_ids(song.events)[None], song.position[None], np.array([[song.bar]]))
        fast, slow = found.tonality[0, 3, :12], found.tonality[0, 3, 12:]
        c, g = (60 - low) % 12, (67 - low) % 12
        for shares, fading in ((fast, FADING[0]), (slow, FADING[1])):
            total = 1 + fading + fading**2 + NOTHING_HEARD
            assert shares[c] == pytest.approx((1 + fading**2) / total)
            assert shares[g] == pytest.approx(fading / total)
            assert shares.sum() == pytest.approx((total - NOTHING_HEARD) / total)
        assert found.tonality[0, 0].tolist() == [0.0] * 24


class TestEventExamples:
    def examples(self, steps: int = 16, **options: object) -> EventExamples:
        codec, (song,) = make_event_codec([(chords(12), None)])
        return EventExamples(codec, [EventStretch(song, 0, len(song))], steps, **options)  # type: ignore[arg-type]

    def test_every_event_is_learned_from_once(self) -> None:
        for options in ({}, {"warm_up": 5}):
            examples = self.examples(**options)
            arrays = examples.gather(np.arange(examples.n_examples), None)
            assert arrays["mask"].sum() == len(examples.stretches[0])
            kept = np.concatenate(
                [chosen[mask > 0] for chosen, mask in zip(arrays["chosen"], arrays["mask"], strict=True)]
            )
            np.testing.assert_array_equal(kept, examples.ids[0])

    def test_the_event_before_stands_beside_each(self) -> None:
        examples = self.examples()
        arrays = examples.gather(np.arange(2), None)
        np.testing.assert_array_equal(arrays["previous"][0, 1:], arrays["chosen"][0, :-1])
        np.testing.assert_array_equal(arrays["previous"][0, 0], examples.start_mark)
        np.testing.assert_array_equal(arrays["previous"][1, 0], arrays["chosen"][0, -1])

    def test_a_window_in_the_middle_knows_what_sounds(self) -> None:
        """Features do not depend on where a window begins, as long as the shadow covers the held notes."""
        examples = self.examples(steps=200)
        whole = examples.gather(np.arange(1), None)
        part = self.examples(steps=16).gather(np.array([4]), None)
        for name in ("sounding", "sounding_before", "last", "phase", "phase_before"):
            np.testing.assert_array_equal(part[name][0], whole[name][0, 64:80], err_msg=name)
        assert SHADOW < 64

    def test_keys_move_everything_together(self) -> None:
        examples = self.examples(transpose=True)
        rng = np.random.default_rng(3)
        for _ in range(20):
            arrays = examples.gather(np.array([1]), rng)
            pitch, before = arrays["chosen"][0, :, PITCH], arrays["previous"][0, :, PITCH]
            heard = np.argmax(arrays["sounding_before"][0], axis=1)
            sounds = arrays["sounding_before"][0].any(axis=1)
            rows = np.flatnonzero(sounds & (before < examples.codec.sizes[PITCH]))
            assert arrays["sounding_before"][0, rows, before[rows]].all()
            assert (pitch >= 0).all()
            assert (pitch < examples.codec.sizes[PITCH]).all()
            assert heard.shape == pitch.shape

    def test_augmentation_is_a_function_of_the_random_numbers(self) -> None:
        examples = self.examples(transpose=True)
        drawn = [examples.gather(np.arange(3), np.random.default_rng(seed)) for seed in (1, 1, 2)]
        np.testing.assert_array_equal(drawn[0]["chosen"], drawn[1]["chosen"])
        assert not np.array_equal(drawn[0]["chosen"], drawn[2]["chosen"])

    def test_fresh_starts_never_begin_inside_a_chord(self) -> None:
        examples = self.examples()
        for seed in range(40):
            arrays = examples.gather(np.array([1]), np.random.default_rng(seed))
            if (arrays["previous"][0, 0] == examples.start_mark).all():
                assert arrays["sounding_before"][0, 0].sum() == 0
                assert examples.codec.values[GAP][arrays["chosen"][0, 0, GAP]] == 0
                assert arrays["sounding"][0, 0].sum() == 0

    def test_short_song_is_padded(self) -> None:
        codec, (song,) = make_event_codec([(melody([60, 62, 64, 65]), None)])
        arrays = EventExamples(codec, [EventStretch(song, 0, 4)], 16).gather(np.arange(1), None)
        assert arrays["mask"][0].tolist() == [1.0] * 4 + [0.0] * 12
        assert arrays["chosen"].shape == (1, 16, len(FIELDS))


class TestHoldingOut:
    def test_whole_songs_where_there_are_enough(self) -> None:
        parts = held_out_parts([100] * 10, 0.2, shortest=24, seed=0)
        held = [part for _, part in parts if part.stop > part.start]
        assert len(held) == 2
        assert all((train.stop > train.start) != (held.stop > held.start) for train, held in parts)
        assert held_out_parts([100] * 10, 0.2, shortest=24, seed=0) == parts

    def test_ends_of_songs_where_there_are_few(self) -> None:
        assert held_out_parts([200, 50], 0.2, shortest=24, seed=0) == [
            (slice(0, 160), slice(160, 200)),
            (slice(0, 50), slice(0, 0)),
        ]

    def test_nothing_where_nothing_is_wanted_or_left(self) -> None:
        assert held_out_parts([200], 0.0, shortest=24, seed=0) == [(slice(0, 200), slice(0, 0))]
        assert held_out_parts([30], 0.5, shortest=24, seed=0) == [(slice(0, 30), slice(0, 0))]

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(0, 300), min_size=1, max_size=12), st.floats(0, 0.5), st.integers(1, 60), st.integers(0, 9)
    )
    def test_parts_never_overlap_and_something_trains(
        self, lengths: list[int], share: float, shortest: int, seed: int
    ) -> None:
        parts = held_out_parts(lengths, share, shortest=shortest, seed=seed)
        for length, (train, held) in zip(lengths, parts, strict=True):
            covered = [n for span in (train, held) for n in range(span.start, span.stop)]
            assert sorted(covered) == list(range(length))
        assert sum(held.stop - held.start for _, held in parts) <= max(math.ceil(0.5 * sum(lengths)) + 1, max(lengths))
        if max(lengths) > 0:
            assert any(train.stop > train.start for train, _ in parts)


class TestFacts:
    def test_the_table_is_the_most_frequent_and_the_share_of_the_rest(self) -> None:
        counts = {f"{number:03d}": 1000 - number for number in range(MAX_ROWS + 20)}
        table = token_table(counts)
        assert table["token_table"][0] == {"token": "000", "count": 1000}
        assert len(table["token_table"]) == MAX_ROWS
        rest = sum(1000 - number for number in range(MAX_ROWS, MAX_ROWS + 20))
        assert table["token_table_rest"] == pytest.approx(rest / sum(counts.values()), abs=1e-4)
        assert token_table({"a": 2})["token_table_rest"] == 0.0
        assert token_table({}) == {"token_table": [], "token_table_rest": 0.0}

    def test_the_histogram_counts_every_distinct_token(self) -> None:
        counts = count_tokens([["a", "b", "a"], ["c", "a", "b"]])
        assert frequency_histogram(counts) == {"frequency_histogram": {"counts": [3, 2, 1]}}

    @pytest.mark.parametrize(
        ("steps", "words"), [(12, "1/2 beat"), (24, "1 beat"), (36, "1 1/2 beats"), (96, "4 beats"), (8, "1/3 beat")]
    )
    def test_lengths_in_words(self, steps: int, words: str) -> None:
        assert beats(steps) == words

    def test_events_as_pitches_and_lengths(self) -> None:
        _, songs = make_event_codec([(score_of((0, 1, 60), (1, 0.5, 60), (2, 1, 60)), None)])
        assert event_table(songs)["token_table"] == [
            {"token": "C4, 1 beat", "count": 2},
            {"token": "C4, 1/2 beat", "count": 1},
        ]


class TestSequences:
    RUNS = (np.arange(100, 123, dtype=np.int32), np.arange(200, 209, dtype=np.int32))

    def test_every_token_after_the_first_is_asked_for_once(self) -> None:
        sequences = TokenSequences(self.RUNS, window=8)
        arrays = sequences.gather(np.arange(sequences.n_examples), None)
        asked = arrays["target"][arrays["mask"] > 0]
        assert asked.tolist() == [*range(101, 123), *range(201, 209)]
        assert (arrays["target"] - arrays["inputs"])[arrays["mask"] > 0].tolist() == [1] * len(asked)

    def test_with_context_each_is_asked_for_after_as_many_as_a_window(self) -> None:
        sequences = TokenSequences(self.RUNS, window=8, context=7)
        arrays = sequences.gather(np.arange(sequences.n_examples), None)
        assert arrays["target"][arrays["mask"] > 0].tolist() == [*range(108, 123), 208]
        assert arrays["inputs"].shape == (3, 15)

    def test_places_vary_from_epoch_to_epoch_and_stay_within_their_music(self) -> None:
        sequences = TokenSequences(self.RUNS, window=8)
        first, again, other = (
            sequences.gather(np.arange(sequences.n_examples), np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first["inputs"], again["inputs"])
        assert not np.array_equal(first["inputs"], other["inputs"])
        is_asked = other["mask"] > 0
        assert (other["target"] - other["inputs"])[is_asked].tolist() == [1] * int(is_asked.sum())
