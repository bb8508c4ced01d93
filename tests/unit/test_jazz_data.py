"""From songs to words and windows: facts, what is held out, several songs, parts picked and guessed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.jazz_lstm.codec import JazzCodec
from musicgen.approaches.jazz_lstm.windows import NOTHING, Melody, drawn_windows, one_hot_arrays
from musicgen.contract.made import Order
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import Prepared
from musicgen.errors import InvalidInput, InvalidParameter
from musicgen.symbolic.midi import read_midi
from musicgen.symbolic.score import Score, TimeSignature, Track, make_notes
from tests import makers_midi
from tests.makers_jazz import BASS, DRUMS, MELODY, NUM_WORDS, PIANO, SAX, WORDS, one_track, tune
from tests.makers_music import chords, melody, midi_song, song

JAZZ = approach("jazz_lstm")
AS_AUTHORS = {
    **JAZZ.presets["original"].training, "melody_track": SAX, "chord_track": PIANO, "first_beat": 8, "last_beat": 56
}  # fmt: skip


def prepared(*scores: Score, seed: int = 0, **values: Any) -> Prepared:
    songs = [song(score, number) for number, score in enumerate(scores)]
    return JAZZ.prepare(songs, read_parameters(JAZZ.Training, values), seed=seed)


def words_of(made: Prepared) -> list[list[str]]:
    return [made.codec.vocabulary.decode(melody.ids) for melody in made.training.melodies]


def test_a_self_made_tune_as_the_authors_would_have_read_it() -> None:
    made = prepared(tune(8), **AS_AUTHORS)
    facts = json.loads(json.dumps(made.facts, allow_nan=False))
    assert words_of(made) == [" ".join(WORDS * 6).split()]
    assert facts["n_tokens"] == 6 * NUM_WORDS
    assert facts["vocabulary_size"] == NUM_WORDS
    assert facts["inputs_shape"] == [60, 30, NUM_WORDS]
    assert facts["targets_shape"] == [30, 60, NUM_WORDS]
    assert facts["n_measures"] == 12
    assert facts["tokens_per_measure"] == [5, 6] * 6
    assert facts["token_kinds"] == {"R": 0, "C": 24, "S": 18, "A": 18, "X": 6}
    assert facts["durations"] == {"0.250": 6, "0.333": 6, "0.500": 24, "0.667": 6, "0.750": 6, "1.000": 18}
    assert facts["n_tokens_without_interval"] == 12
    assert (facts["melody_name"], facts["chord_name"]) == ("Sax", "Piano")
    assert (facts["first_beat"], facts["last_beat"]) == (8, 56)
    assert sum(row["count"] for row in facts["token_table"]) == 6 * NUM_WORDS
    assert facts["token_table_rest"] == 0
    assert made.floors["uniform"] == pytest.approx(np.log(NUM_WORDS))
    assert made.validation is None
    assert list(made.codec.vocabulary.tokens) == sorted({*" ".join(WORDS).split()})


def test_j8_windows_of_as_many_words_as_the_authors_had() -> None:
    """193 words of 78 kinds: which windows are drawn follows from the number of words alone."""
    ids = (np.arange(193) % 78).astype(np.int32)
    windows = drawn_windows([Melody(ids, np.zeros((193, 2), np.int32))], 30, 60, seed=0)
    inputs, targets = one_hot_arrays(windows, 78)
    assert (inputs.shape, targets.shape) == ((60, 30, 78), (30, 60, 78))
    assert inputs.sum() == targets.sum() == 1740
    assert not inputs[:, 0].any()
    assert not targets[29].any()
    np.testing.assert_array_equal(targets[:29], inputs[:, 1:].transpose(1, 0, 2))
    assert windows.chosen[:10, 1].tolist() == [47, 117, 67, 103, 9, 21, 36, 87, 70, 88]
    assert len(np.unique(windows.chosen, axis=0)) == 49


@pytest.mark.parametrize(("vocabulary_size", "parameters"), [(78, 41_678), (90, 45_530)])
def test_j9_parameters_of_the_authors_network(vocabulary_size: int, parameters: int) -> None:
    training = read_parameters(JAZZ.Training, JAZZ.presets["original"].training)
    facts = {"vocabulary_size": vocabulary_size, "num_parts": 20, "most_beats": 4}
    assert sum((layer.parameters or 0) * layer.repeated for layer in JAZZ.layers(training, facts)) == parameters


def test_windows_are_drawn_as_the_authors_drew_them() -> None:
    made = prepared(tune(8), **AS_AUTHORS)
    inputs, targets = one_hot_arrays(made.training, NUM_WORDS)
    np.random.seed(0)
    starts = [np.random.choice(6 * NUM_WORDS - 30) for _ in range(60)]
    assert made.training.chosen[:, 1].tolist() == starts
    assert inputs.shape == (60, 30, NUM_WORDS)
    assert inputs.sum() == targets.sum() == 60 * 29
    assert not inputs[:, 0].any()
    assert not targets[29].any()
    for step in range(29):
        np.testing.assert_array_equal(targets[step], inputs[:, step + 1])


def test_all_windows_show_each_word_after_the_one_before() -> None:
    made = prepared(tune(4), validation_share=0, sequence_length=16)
    ids = made.training.melodies[0].ids
    seen = np.zeros(len(ids), dtype=int)
    for number, (_, start, _, _) in enumerate(made.training.chosen.tolist()):
        arrays = made.training.gather(np.array([number]), None)
        for step in range(16):
            if arrays["known"][0, step]:
                assert arrays["target"][0, step] == ids[start + step]
                assert arrays["inputs"][0, step] == (ids[start + step - 1] if start + step else NOTHING)
                seen[start + step] += 1
    assert (seen > 0).all()
    moved = made.training.gather(np.arange(made.training.n_examples), np.random.default_rng(0))
    assert moved["target"].shape == (made.training.n_examples, 16)


def test_windows_never_cross_from_song_to_song() -> None:
    made = prepared(tune(5), tune(6), **{**AS_AUTHORS, "first_beat": None, "last_beat": None})
    assert {len(words) for words in words_of(made)} == {5 * NUM_WORDS, 6 * NUM_WORDS}
    assert made.facts["vocabulary_size"] == NUM_WORDS
    for number, start, _, _ in made.training.chosen.tolist():
        assert start + 30 < len(made.training.melodies[number])


def test_held_out_phrases_and_their_repetitions_are_never_learned_from() -> None:
    made = prepared(chords(40, 1), validation_share=0.2)
    checked = made.validation
    assert checked is not None
    whole = checked.melodies[0].ids.tolist()
    held_out = {n for _, _, first, stop in checked.chosen.tolist() for n in range(first, stop)}
    assert 0.1 < len(held_out) / len(whole) < 0.3
    kept = sum(len(melody) for melody in made.training.melodies)
    assert kept + len(held_out) == len(whole)
    known = checked.gather(np.arange(checked.n_examples), None)["known"].sum()
    assert known == len(held_out)
    repeating = prepared(tune(8), validation_share=0.2)  # the same two measures: nothing can be held out fairly
    assert repeating.validation is None
    assert "held out" in repeating.warnings[-1]


def test_whole_songs_are_held_out_where_there_are_enough() -> None:
    made = prepared(*(chords(8, seed) for seed in range(6)), validation_share=0.2)
    assert made.validation is not None
    assert made.facts["n_songs"] == 6
    checked = set(made.validation.chosen[:, 0].tolist())
    assert len(checked) == 1


def test_the_parts_are_guessed_whatever_their_order() -> None:
    for order in ((PIANO, BASS, DRUMS, SAX), (SAX, DRUMS, BASS, PIANO), (DRUMS, BASS, SAX, PIANO)):
        facts = prepared(tune(4, order=order)).facts
        assert facts["melody_track"] == order.index(SAX)
        assert facts["chord_track"] == order.index(PIANO)
        assert (facts["first_beat"], facts["last_beat"]) == (0, 32)


def test_the_original_preset_works_on_any_song_and_says_what_it_took() -> None:
    made = prepared(tune(8), **JAZZ.presets["original"].training)
    assert made.facts["melody_name"] == "Sax"
    assert made.facts["n_tokens"] == 8 * NUM_WORDS
    said = " ".join(made.warnings)
    assert "no melody in track 5" in said
    assert "track 3 (Sax) is used" in said
    assert "no melody over chords from beat 476 to 548" in said


def test_beats_asked_for_are_cut_to_whole_measures() -> None:
    facts = prepared(tune(4), first_beat=4, last_beat=19).facts
    assert (facts["first_beat"], facts["last_beat"], facts["n_measures"]) == (4, 16, 3)


def test_beats_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="first_beat = 8 and last_beat = 8"):
        read_parameters(JAZZ.Training, {"first_beat": 8, "last_beat": 8})


def test_other_time_signatures_have_their_own_measures() -> None:
    score = chords(12)
    waltz = Score(score.notes, 480, score.tracks, score.tempos, (TimeSignature(0, 3, 4),))
    made = prepared(waltz)
    assert made.facts["beats_per_measure"] == 3
    assert made.codec.forms[0].numerator == 3
    assert all(place < 36 for melody in made.training.melodies for place, _ in melody.places.tolist())


def test_one_piano_track_with_both_hands_works() -> None:
    hands = [(float(n), 1.0, 72 + (n * 5) % 8) for n in range(32)]
    hands += [(float(n), 2.0, pitch) for n in range(0, 32, 2) for pitch in (48, 52, 55)]
    facts = prepared(one_track(sorted(hands))).facts
    assert facts["melody_track"] == facts["chord_track"] == 0
    assert facts["n_tokens"] == 32


def test_chords_are_gathered_where_no_track_has_any() -> None:
    made = prepared(tune(4), chord_track=None)
    alone = tune(4).only_tracks((BASS, SAX))
    assert made.facts["chords_gathered"] is False
    gathered = prepared(alone)
    assert gathered.facts["chords_gathered"] is True
    assert gathered.facts["chord_name"] == "Bass"


@pytest.mark.parametrize(
    ("score", "lacks"),
    [
        (one_track([(float(n), 1.0, 60 + n % 12) for n in range(40)]), "40 notes in track 0 .* no chords under them"),
        (melody([60, 62]), "2 notes"),
        (tune(2).only_tracks((DRUMS,)), "only drums"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(score: Score, lacks: str) -> None:
    with pytest.raises(InvalidInput, match=lacks) as caught:
        prepared(score)
    assert str(caught.value).count("Received") == 1


def test_too_little_music_is_said_with_the_arithmetic() -> None:
    with pytest.raises(InvalidInput, match=r"at least 31 words.*11 in the longest"):
        prepared(tune(1), **{**AS_AUTHORS, "first_beat": None, "last_beat": None})


def test_a_type_0_file_works() -> None:
    rows = [
        (3840 * number + round(480 * on), round(480 * length), pitch, 0)
        for number in range(3)
        for on, length, pitch in MELODY
    ]
    rows += [(bar * 1920, 1900, pitch, 1) for bar in range(6) for pitch in (48, 52, 55)]
    events = [(on, 1, makers_midi.note_on(pitch, channel=channel)) for on, _, pitch, channel in rows]
    events += [(on + length, 0, makers_midi.note_off(pitch, channel)) for on, length, pitch, channel in rows]
    events.sort()
    position, timed = 0, [(0, makers_midi.program(65, 0)), (0, makers_midi.program(0, 1))]
    for tick, _, event in events:
        timed.append((tick - position, event))
        position = tick
    score = read_midi(makers_midi.midi_file(makers_midi.chunk(timed), format=0))
    assert prepared(score).facts["n_tokens"] >= 3 * NUM_WORDS


def test_chosen_tracks_are_the_only_ones_used() -> None:
    one = song(tune(4), 0, tracks=(BASS, PIANO))
    made = JAZZ.prepare([one], read_parameters(JAZZ.Training, {}))
    assert made.facts["melody_name"] == "Bass"


def test_the_codec_keeps_what_generation_needs() -> None:
    made = prepared(tune(4, tempo=150), chords(6))
    codec = JazzCodec.from_json(json.loads(json.dumps(made.codec.to_json(), allow_nan=False)))
    assert codec == made.codec or codec.to_json() == made.codec.to_json()
    form = codec.forms[0]
    assert (form.tempo, form.melody.program, form.harmony.program) == (150, 65, 0)
    assert [voice.program for voice in form.others] == [32, 0]
    assert form.chords[1][1].pitches == (55, 59, 62, 65)
    assert codec.parts().sum(axis=1).tolist() == [3.0] * len(codec.vocabulary)


def four_voices() -> Score:
    """C major and G major in turn, a chord a beat; the third is always in the melody only."""
    chords_of = ((76, 67, 60, 48), (71, 67, 62, 43))
    rows = [(beat, voice, chords_of[beat % 2][voice]) for beat in range(64) for voice in range(4)]
    beats, voices, pitches = (np.array(column) for column in zip(*rows, strict=True))
    tracks = tuple(Track(name, 19) for name in ("Soprano", "Alto", "Tenor", "Bass"))
    return Score(make_notes(beats * 480, 480, pitches, 80, voices), 480, tracks)


def test_over_gathered_chords_the_third_in_the_melody_is_a_chord_tone_and_is_not_played() -> None:
    made = prepared(four_voices(), validation_share=0.0)
    assert made.facts["melody_name"] == "Soprano"
    assert made.facts["token_kinds"] == {"R": 0, "C": 64, "S": 0, "A": 0, "X": 0}
    codec = JazzCodec.from_json(json.loads(json.dumps(made.codec.to_json(), allow_nan=False)))
    (form,) = codec.forms
    assert [chord.pitches for chord in form.chords[0]] == [(48, 60, 67), (43, 62, 67)] * 2
    assert [chord.pitches for chord in form.progression[0]] == [(48, 60, 67, 76), (43, 62, 67, 71)] * 2
    assert codec.to_json() == made.codec.to_json()
    # Its melody moves by a fourth, up and down, and has as many of each of its two tones.
    counts = 64 + 12 * 0.5
    assert form.classes == tuple(round((32.5 if tone in (4, 11) else 0.5) / counts, 6) for tone in range(12))
    assert codec.moves[12 - 5] == round(33 / (63 + 25), 6)
    assert codec.moves[12 + 5] == round(32 / (63 + 25), 6)


def test_a_run_of_an_earlier_version_plays_over_the_chords_without_weights() -> None:
    made = prepared(four_voices(), **JAZZ.tiny.training)
    networks = JAZZ.build(made.codec, read_parameters(JAZZ.Training, JAZZ.tiny.training), seed=1)
    document = json.loads(json.dumps(made.codec.to_json()))
    for name in ("intervals", "moves"):
        del document[name]
    for name in ("classes", "progression"):
        del document["forms"][0][name]
    earlier = JazzCodec.from_json(document)
    assert (earlier.intervals, earlier.forms[0].classes, earlier.forms[0].progression) == ((), (), ())

    def pitches(codec: JazzCodec, **values: Any) -> list[int]:
        order = Order(read_parameters(JAZZ.Generation, {"num_measures": 8, "max_tries": 1, **values}), [3])
        (piece,) = JAZZ.generate(networks, codec, read_parameters(JAZZ.Training, JAZZ.tiny.training), order)
        return piece.content.notes["pitch"][piece.content.notes["track"] == 0].tolist()

    assert pitches(earlier) == pitches(earlier, harmony_fit=0.0)
    assert pitches(made.codec) != pitches(made.codec, harmony_fit=0.0)


def test_layers_add_up() -> None:
    for preset in JAZZ.presets.values():
        training = read_parameters(JAZZ.Training, preset.training)
        made = JAZZ.prepare([midi_song(40)], training)
        drawn = JAZZ.layers(training, made.facts)
        assert sum((layer.parameters or 0) * layer.repeated for layer in drawn) == JAZZ.cost(made, training).parameters
        assert any(layer.parameters is None for layer in JAZZ.layers(training))
