"""note_lstm: the numbers of its authors (N1-N15), and what was added to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.contract.made import Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, InvalidParameter
from musicgen.evaluation.midi import longest_run
from musicgen.symbolic.score import Track
from tests.makers_music import chords, melody, midi_song, song

pytestmark = pytest.mark.numeric

KIND = approach("note_lstm")
ORIGINAL = dict(KIND.presets["original"].training)
SMALL = {"representation": "tokens", "units": 12, "dense": 12, "epochs": 1, "sequence_length": 10, "threshold": 0}


def training(**values):
    return read_parameters(KIND.Training, values)


def generation(**values):
    return read_parameters(KIND.Generation, values)


def make(networks, codec, trained, prompt=None, seeds=(1,), **values):
    return list(
        KIND.generate(networks, codec, trained, Order(generation(**values), seeds, [], prompt, SilentMonitor()))
    )


@pytest.mark.parametrize(("vocabulary_size", "parameters"), [(260, 922_116), (161, 896_673)])
def test_n5_parameters_of_the_original(vocabulary_size: int, parameters: int) -> None:
    codec = TokenCodec(Vocabulary(f"{n:03d}" for n in range(vocabulary_size)), (), False, False, 120.0)
    networks = KIND.build(codec, training(**ORIGINAL))
    assert networks.parameters == [parameters]
    widths = [layer.units for layer in networks.models["notes"].layers if hasattr(layer, "units")]
    assert widths == [256, 256, 256, vocabulary_size]


@pytest.mark.parametrize("values", [{}, ORIGINAL, SMALL | {"embedding": 6, "num_layers": 3}, {"num_layers": 1}])
def test_the_drawn_layers_add_up_to_what_is_built(values: dict) -> None:
    trained = training(**values | {"threshold": 0, "sequence_length": 10})
    prepared = KIND.prepare([midi_song(40, 0), midi_song(40, 1)], trained)
    layers = KIND.layers(trained, prepared.facts)
    assert sum(layer.parameters * layer.repeated for layer in layers) == KIND.cost(prepared, trained).parameters
    before = KIND.layers(trained)
    assert before[0].kind == before[-1].kind == "music"
    assert any(isinstance(size, str) for layer in before for size in layer.shape)  # what only the songs can tell
    assert [layer.parameters for layer in before if layer.kind == "choice"] == [None] * sum(
        layer.kind == "choice" for layer in before
    )


def test_original_is_the_authors_pipeline() -> None:
    assert {
        "sequence_length": 50,
        "batch_size": 72,
        "epochs": 100,
        "threshold": 20,
        "dropout": 0.2,
    }.items() <= ORIGINAL.items()
    assert training(**ORIGINAL).learning_rate == 1e-3
    assert training(**ORIGINAL).order == "tracks"
    assert not training(**ORIGINAL).scale_index


def test_the_network_sees_the_plain_number() -> None:
    codec = TokenCodec(Vocabulary(["a", "b", "c"]), (), False, False, 120.0)
    model = KIND.build(codec, training(**ORIGINAL)).models["notes"]
    np.testing.assert_array_equal(model.get_layer("index")(np.array([[[0.0], [1.0], [2.0]]])), [[[0], [1], [2]]])


def test_facts_shapes_and_windows() -> None:
    songs = [midi_song(20, 0), midi_song(30, 1), song(melody([60] * 8), 2)]
    prepared = KIND.prepare(songs, training(**SMALL, validation="none"))
    facts = prepared.facts
    lengths = [len(prepared.codec.score_to_ids(each.clip.score())) for each in songs]
    expected = sum(max(0, length - 10) for length in lengths)
    assert facts["n_windows"] == expected
    assert facts["inputs_shape"] == [expected, 10, 1]
    assert facts["targets_shape"] == [expected]
    assert facts["n_tokens"] == sum(lengths)
    assert facts["n_songs"] == 3
    assert facts["vocabulary_size"] == len(prepared.codec.vocabulary)


def test_held_out_windows_never_overlap_what_is_trained_on() -> None:
    prepared = KIND.prepare([song(melody(list(range(10, 120))))], training(**SMALL))  # every note once
    seen, checked = (set(windows.ids.tolist()) for windows in (prepared.training, prepared.validation))
    assert len(checked) == 22
    assert len(seen) == 88
    assert not seen & checked
    assert not prepared.warnings


def test_the_end_of_every_hand_is_held_out() -> None:
    """One track is read after the other: the end of the song alone would be the left hand's."""
    prepared = KIND.prepare([midi_song(120, 0)], training(**SMALL))
    words = prepared.codec.vocabulary.decode(prepared.validation.ids)
    assert any(word[0].isdigit() for word in words)  # chords are the left hand's
    assert any(not word[0].isdigit() for word in words)


def test_n8_random_windows_are_the_authors_split_and_a_warning() -> None:
    songs = [midi_song(40, 0)]
    prepared = KIND.prepare(songs, training(**SMALL, validation="random_windows"), seed=3)
    n = prepared.facts["n_windows"]
    assert prepared.facts["n_validation_windows"] == round(0.2 * n)
    assert prepared.facts["n_training_windows"] == n - round(0.2 * n)
    again = KIND.prepare(songs, training(**SMALL, validation="random_windows"), seed=3)
    np.testing.assert_array_equal(prepared.validation.starts, again.validation.starts)
    assert "overlap" in prepared.warnings[0]


def test_songs_without_a_piano_leave_the_others_to_learn_from() -> None:
    flute = replace(melody(list(range(40, 80))), tracks=(Track("Flute", program=73),))
    rules = training(**SMALL, instruments="piano", validation="random_windows")
    prepared = KIND.prepare([midi_song(40, 0), song(flute, 1)], rules)
    assert prepared.facts["n_windows"] == KIND.prepare([midi_song(40, 0)], rules).facts["n_windows"]


def test_n15_first_loss_is_that_of_knowing_nothing() -> None:
    songs = [midi_song(60, n) for n in range(3)]
    trained = training(**(SMALL | {"embedding": 8}), validation_share=0.3)
    prepared = KIND.prepare(songs, trained)
    networks = KIND.build(prepared.codec, trained)
    windows = prepared.training.gather(np.arange(64), None)
    logits = np.asarray(networks.models["notes"](windows["inputs"]), dtype=np.float64)
    nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(64), windows["target"]]
    assert nats.mean() == pytest.approx(prepared.floors["uniform"], rel=0.05)
    assert prepared.floors["uniform"] == pytest.approx(np.log(prepared.facts["vocabulary_size"]))
    assert prepared.floors["uniform"] > prepared.floors["unigram"] > 0


def test_too_short_for_a_window_is_said_with_the_arithmetic() -> None:
    with pytest.raises(InvalidInput) as caught:
        KIND.prepare([song(melody(list(range(60, 72)) * 3))], training(**ORIGINAL))
    message = str(caught.value)
    assert "51 tokens" in message
    assert "0 tokens in the longest" in message  # every token is rarer than 20
    assert "36 before those that occur fewer than 20 times" in message
    with pytest.raises(InvalidInput, match="sequence_length of 35 or less"):
        KIND.prepare([song(melody(list(range(60, 72)) * 3))], training(**ORIGINAL | {"threshold": 0}))


def test_n10_n11_the_authors_way_of_writing() -> None:
    trained = training(**SMALL)
    prepared = KIND.prepare([midi_song(40, 0)], trained)
    networks = KIND.build(prepared.codec, trained)
    (made,) = make(networks, prepared.codec, trained, num_notes=30, step_beats=0.5)
    onsets = sorted(set(made.content.onset_beats.tolist()))
    assert onsets == [number * 0.5 for number in range(30)]
    assert made.facts["prompt_notes"] == 10


@pytest.mark.parametrize("memory", ["carried", "window"])
def test_n10_argmax_is_repeatable_and_seeds_vary_the_rest(memory: str) -> None:
    trained = training(**SMALL)
    prepared = KIND.prepare([midi_song(40, 0)], trained)
    networks = KIND.build(prepared.codec, trained)
    prompt = midi_song(8, 5)

    def pitches(seed: int, **values: object) -> list[int]:
        (made,) = make(networks, prepared.codec, trained, prompt, (seed,), num_notes=40, memory=memory, **values)
        return made.content.notes["pitch"].tolist()

    assert pitches(1, greedy=True) == pitches(2, greedy=True)
    assert pitches(1) == pitches(1) != pitches(2)
    assert pitches(1, top_k=1) == pitches(2, greedy=True)


def test_a_prompt_with_too_few_known_tokens_is_refused() -> None:
    trained = training(**SMALL)
    prepared = KIND.prepare([midi_song(40, 0)], trained)
    networks = KIND.build(prepared.codec, trained)
    with pytest.raises(InvalidInput, match="10 tokens"):
        make(networks, prepared.codec, trained, song(melody([60, 62, 64])))


@pytest.mark.slow
class TestEvents:
    @pytest.fixture(scope="class")
    @classmethod
    def learned(cls):
        """A small network after some epochs on two songs."""
        trained = training(
            sequence_length=16, units=32, num_layers=1, dense=24, embedding=24, epochs=12, batch_size=8,
            learning_rate=0.01, dropout=0.1,
        )  # fmt: skip
        songs = [midi_song(40, 0, with_drums=True), midi_song(40, 1)]
        prepared = KIND.prepare(songs, trained, seed=0)
        networks = KIND.build(prepared.codec, trained, seed=0)
        rows = []

        class Keeper(SilentMonitor):
            def epoch_ended(self, row, save) -> None:
                rows.append(row)

        KIND.fit(networks, prepared, trained, seed=0, monitor=Keeper())
        return songs, trained, prepared, networks, rows

    def test_it_learns_more_than_frequencies(self, learned) -> None:
        _, _, prepared, _, rows = learned
        best = min(row.val_loss for row in rows)
        assert best < prepared.floors["unigram"]
        assert rows[-1].val_loss == pytest.approx(
            sum(v for k, v in rows[-1].extra.items() if k.startswith("val_")), rel=1e-4
        )

    def test_facts(self, learned) -> None:
        songs, _, prepared, *_ = learned
        notes = sum(int((~np.isin(each.clip.score().notes["track"], [2])).sum()) for each in songs)
        assert prepared.facts["n_tokens"] == notes
        assert prepared.facts["n_training_tokens"] + prepared.facts["n_validation_tokens"] == notes
        assert prepared.facts["inputs_shape"][1:] == [16, 5]
        assert prepared.facts["vocabulary_size"] == sum(prepared.codec.sizes)

    def test_its_music_keeps_instruments_rhythm_and_does_not_get_stuck(self, learned) -> None:
        _, trained, prepared, networks, _ = learned
        for made in make(networks, prepared.codec, trained, seeds=(0, 1, 2), num_notes=150):
            score = made.content
            assert score.num_notes == 150
            assert score.notes["onset_ticks"][0] == 0
            assert {track.name for track in score.tracks} <= {"Right", "Left"}
            assert longest_run(score) <= 8
            assert len(set(score.notes["pitch"].tolist())) >= 8
            assert len(set(score.notes["duration_ticks"].tolist())) >= 2
            assert score.tempos[0].tempo == 100.0

    def test_continuing_a_song(self, learned) -> None:
        songs, trained, prepared, networks, _ = learned
        values = {"num_notes": 20, "prompt_notes": 16, "tempo": 80.0}
        (made,) = make(networks, prepared.codec, trained, songs[0], **values)
        assert made.facts["prompt_notes"] == 16
        assert made.content.tempos[0].tempo == 80.0
        assert made.reference.song_id == songs[0].id
        (kept,) = make(networks, prepared.codec, trained, songs[0], keep_prompt=True, **values)
        assert kept.content.num_notes == 36
        heard = prepared.codec.score_to_song(songs[0].clip.score()).events[:16, 2]
        ordered = np.lexsort((kept.content.notes["pitch"], kept.content.notes["onset_ticks"]))
        assert kept.content.notes["pitch"][ordered][:16].tolist() == heard.tolist()

    def test_no_voice_leaves_the_range_that_it_had(self, learned) -> None:
        """All keys were shown, and still nobody sings higher or lower than in the songs."""
        _, trained, prepared, networks, _ = learned
        codec = prepared.codec
        for made in make(networks, codec, trained, seeds=(4, 5), num_notes=200, temperature=2.0):
            for number, track in enumerate(made.content.tracks):
                voice = next(v for v, each in enumerate(codec.voices) if each.name == track.name)
                pitches = made.content.notes["pitch"][made.content.notes["track"] == number]
                low, high = codec.ranges[voice]
                assert np.mean((pitches >= low) & (pitches <= high)) > 0.95


class TestSongsForEvents:
    def test_chosen_tracks_only(self) -> None:
        trained = training(sequence_length=8)
        prepared = KIND.prepare([song(chords(20, with_drums=True), tracks=(1,))], trained)
        assert [voice.name for voice in prepared.codec.voices] == ["Left"]
        with pytest.raises(InvalidInput, match="without drums"):
            KIND.prepare([song(chords(20, with_drums=True), tracks=(2,))], trained)

    def test_piano_alone(self) -> None:
        trained = training(sequence_length=8, instruments="piano")
        prepared = KIND.prepare([song(chords(20, with_drums=True)), midi_song(12, 1)], trained)
        assert prepared.codec.voices
        assert all(voice.program < 6 for voice in prepared.codec.voices)

    def test_a_plain_number_is_for_tokens(self) -> None:
        with pytest.raises(InvalidParameter, match="for tokens"):
            training(embedding=0)

    @pytest.mark.slow  # the network of the preset, compiled for training and for sampling
    def test_a_short_folk_song_works_and_says_what_is_missing(self) -> None:
        trained = read_parameters(KIND.Training, {**KIND.presets["quick"].training, "epochs": 1})
        prepared = KIND.prepare(
            [song(melody([60, 62, 64, 65, 67, 67, 69, 69, 67, 65, 64, 62, 60, 64, 67, 60]))], trained
        )
        assert prepared.validation is None
        assert "hold out" in prepared.warnings[0]
        networks = KIND.build(prepared.codec, trained)
        KIND.fit(networks, prepared, trained, seed=0, monitor=SilentMonitor())
        (made,) = make(networks, prepared.codec, trained, num_notes=30)
        assert made.content.num_notes == 30


def test_the_sizes_of_the_fields_are_found_by_name_whatever_the_order_of_the_facts() -> None:
    """JSON with sorted keys keeps no order: a drawing from such facts must count the same weights."""
    from musicgen.approaches.note_lstm import NoteLSTM
    from musicgen.approaches.notes.events import FIELDS

    sizes = {name: number for number, name in enumerate(FIELDS, 2)}
    lstm, training = NoteLSTM(), NoteLSTM.Training()
    drawn = [lstm.layers(training, {"values_of_each_field": facts}) for facts in (sizes, dict(sorted(sizes.items())))]
    assert drawn[0] == drawn[1]
