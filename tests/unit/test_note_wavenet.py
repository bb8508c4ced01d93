"""note_wavenet: the numbers of its authors (N1-N15), and what was added to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.errors import CorruptArtifact, InvalidInput, InvalidParameter
from musicgen.symbolic.score import Score, Track
from tests.makers_music import chords, melody, midi_song, song

pytestmark = pytest.mark.numeric

KIND = approach("note_wavenet")
ORIGINAL = dict(KIND.presets["original"].training)
PLAIN = ORIGINAL | {"filters": (6, 8, 10), "dense": 12, "embedding": 7, "threshold": 0, "epochs": 1, "batch_size": 32}
FULL = {
    "representation": "tokens", "sequence_length": 8, "filters": (12,), "kernel_size": 2, "dilation_depth": 3,
    "skip_channels": 12, "dense": 12, "embedding": 8, "epochs": 8, "batch_size": 8, "learning_rate": 0.02,
    "dropout": 0.0,
}  # fmt: skip


def training(**values: Any) -> Any:
    return read_parameters(KIND.Training, values)


def make(networks: Any, codec: Any, trained: Any, prompt: Any = None, seeds: Any = (1,), **values: Any) -> list[Made]:
    generation = read_parameters(KIND.Generation, values)
    return list(KIND.generate(networks, codec, trained, Order(generation, seeds, [], prompt, SilentMonitor())))


def codec_of(vocabulary_size: int) -> TokenCodec:
    return TokenCodec(Vocabulary(f"{number:03d}" for number in range(vocabulary_size)), (), True, False, 120.0)


class Keeper(SilentMonitor):
    """Keeps the rows, and the weights of the best epoch as a run does."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Any] = []
        self.folder = folder

    def epoch_ended(self, row: Any, save: Any) -> None:
        self.rows.append(row)
        if row.val_loss == min(each.val_loss for each in self.rows):
            save(self.folder)


def test_n5_layer_by_layer() -> None:
    trained = training(**ORIGINAL)
    networks = KIND.build(codec_of(188), trained)
    assert networks.parameters == [275_436]
    counts = [layer.count_params() for layer in networks.models["notes"].layers if layer.count_params()]
    assert counts == [18_800, 19_264, 24_704, 98_560, 65_792, 48_316]
    drawn = KIND.layers(trained, {"vocabulary_size": 188})
    assert [layer.parameters for layer in drawn if layer.parameters] == counts
    assert [layer.shape for layer in drawn if layer.kind == "pooling"] == [(16, 64), (8, 128), (4, 256), (256,)]
    assert KIND.receptive_field(trained).steps == 50
    assert KIND.receptive_field(training(**ORIGINAL | {"pooling": False})).steps == 15


def test_original_is_the_authors_pipeline() -> None:
    expected = {
        "sequence_length": 32, "batch_size": 256, "epochs": 50, "threshold": 40, "dropout": 0.2,
        "filters": (64, 128, 256), "kernel_size": 3, "dilation_depth": 3, "embedding": 100, "dense": 256,
        "instruments": "piano",
        "pooling": True, "gated": False, "residual": False, "skip": False, "validation": "random_windows",
    }  # fmt: skip
    assert expected.items() <= ORIGINAL.items()
    assert training(**ORIGINAL).learning_rate == 1e-3
    assert training(**ORIGINAL).validation_share == 0.2
    assert training(**ORIGINAL).order == "tracks"
    assert KIND.presets["original"].generation["num_notes"] == 100


@pytest.mark.parametrize("window", [32, 50])
def test_n4_windows_never_cross_songs(window: int) -> None:
    lengths = [20, window, window + 1, 90]
    songs = [song(melody(list(range(20, 20 + length))), number) for number, length in enumerate(lengths)]
    prepared = KIND.prepare(songs, training(**PLAIN | {"sequence_length": window, "instruments": "all"}))
    assert prepared.facts["n_windows"] == sum(max(0, length - window) for length in lengths)
    assert prepared.facts["n_songs_too_short"] == 2
    windows = np.concatenate([prepared.training.starts, prepared.validation.starts])
    ends = np.cumsum(lengths)
    assert (np.searchsorted(ends, windows, side="right") == np.searchsorted(ends, windows + window, side="right")).all()


def test_n8_split_is_the_authors_and_seeded() -> None:
    songs = [midi_song(60, 0)]
    facts = []
    for seed in (3, 3, 4):
        prepared = KIND.prepare(songs, training(**PLAIN), seed=seed)
        facts.append(prepared.validation.starts.tolist())
        n = prepared.facts["n_windows"]
        assert prepared.facts["n_validation_windows"] == round(0.2 * n)
        assert prepared.facts["inputs_shape"] == [n - round(0.2 * n), 32, 1]
        assert "overlap" in prepared.warnings[0]
    assert facts[0] == facts[1] != facts[2]


def test_n8_whole_songs_can_be_held_out() -> None:
    songs = [midi_song(40, number) for number in range(6)]
    prepared = KIND.prepare(songs, training(**PLAIN | {"validation": "held_out"}))
    lengths = [len(prepared.codec.score_to_ids(each.clip.score())) for each in songs]
    assert prepared.validation.ids.size in lengths
    assert prepared.training.ids.size == sum(lengths) - prepared.validation.ids.size


def test_n2_piano_alone_and_what_is_said_where_there_is_none() -> None:
    score = chords(40)
    flute = Score(score.notes, 480, (Track("Right", 73), Track("Left", 0)))
    both = KIND.prepare([song(flute)], training(**PLAIN | {"instruments": "all"}))
    alone = KIND.prepare([song(flute)], training(**PLAIN | {"sequence_length": 8}))
    assert alone.facts["n_tokens"] == 40  # a chord a bar
    assert both.facts["n_tokens"] > 200
    with pytest.raises(InvalidInput) as caught:
        KIND.prepare([song(flute, tracks=(0,))], training(**PLAIN))
    assert "Received: Flute in 1 song." in str(caught.value)
    assert "instruments = all" in str(caught.value)


def test_a_threshold_that_leaves_too_little_says_which_would_do() -> None:
    songs = [midi_song(40, 0)]
    with pytest.raises(InvalidInput) as caught:
        KIND.prepare(songs, training(**ORIGINAL | {"threshold": 10_000}))
    enough = int(str(caught.value).split("a threshold of ")[1].split(" ")[0])
    KIND.prepare(songs, training(**ORIGINAL | {"threshold": enough}))
    with pytest.raises(InvalidInput):
        KIND.prepare(songs, training(**ORIGINAL | {"threshold": enough + 1}))


def test_a_threshold_that_takes_much_away_is_a_warning() -> None:
    prepared = KIND.prepare([midi_song(60, 0)], training(**PLAIN | {"threshold": 60}))
    lost = prepared.facts["n_tokens_before"] - prepared.facts["n_tokens"]
    assert f"leaves out {lost}" in prepared.warnings[-1]
    assert len(KIND.prepare([midi_song(60, 0)], training(**PLAIN)).warnings) == 1


def test_token_facts() -> None:
    prepared = KIND.prepare([midi_song(60, 0)], training(**PLAIN | {"threshold": 20}))
    facts = prepared.facts
    counts = facts["frequency_histogram"]["counts"]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == facts["vocabulary_size_before"]
    assert sum(counts) == facts["n_tokens_before"]
    kept = [count for count in counts if count >= 20]
    assert len(kept) == facts["vocabulary_size"] < facts["vocabulary_size_before"]
    assert sum(kept) == facts["n_tokens"]
    assert [row["count"] for row in facts["token_table"]] == kept
    assert {row["token"] for row in facts["token_table"]} == set(prepared.codec.vocabulary.tokens)
    assert facts["token_table_rest"] == 0.0
    assert (facts["receptive_field"], facts["dilations"]) == (50, [1, 2, 4])
    events = KIND.prepare([midi_song(60, 0)], training()).facts
    assert events["token_table"][0]["token"].split(", ")[1] in ("1/2 beat", "1 beat", "4 beats")
    assert sum(row["count"] for row in events["token_table"]) == events["n_tokens"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sequence_length": 32, "dilation_depth": 2}, "reach back 9 notes in windows of 32"),
        ({"sequence_length": 8, "dilation_depth": 4}, "reach back 33 notes, but training shows them at most 8"),
        (PLAIN | {"pooling": False}, "reach back 15 of the 32 notes of a window, so its first 17 notes are never used"),
    ],
)
def test_a_reach_that_does_not_fit_the_window_is_said(values: dict[str, Any], words: str) -> None:
    assert words in KIND.prepare([midi_song(40, 0)], training(**values)).warnings[-1]


def test_a_window_too_short_for_its_pooling_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="sequence_length is 64 or more, not 32"):
        training(**ORIGINAL | {"dilation_depth": 6})
    training(**ORIGINAL | {"dilation_depth": 5})
    with pytest.raises(InvalidParameter, match="filters"):
        training(filters=())
    assert training(filters="64, 128 256").filters == (64, 128, 256)


def test_layers_add_up_to_the_cost() -> None:
    songs = [midi_song(40, 0)]
    for values in (PLAIN, FULL, {"gated": False, "num_stacks": 2, "filters": (8, 12)}):
        trained = training(**values)
        prepared = KIND.prepare(songs, trained)
        total = sum(layer.parameters * layer.repeated for layer in KIND.layers(trained, prepared.facts))
        assert total == KIND.cost(prepared, trained).parameters
        assert any(layer.parameters is None for layer in KIND.layers(trained))


def test_every_step_asks_the_same_of_the_held_out_music() -> None:
    songs = [midi_song(40, number) for number in range(6)]
    every, last = (
        KIND.prepare(songs, training(**FULL | {"pooling": pooling})) for pooling in (False, True)
    )  # fmt: skip
    assert every.floors == last.floors
    arrays = every.validation.gather(np.arange(every.validation.n_examples), None)
    assert int(arrays["mask"].sum()) == last.validation.n_examples
    np.testing.assert_array_equal(arrays["target"][arrays["mask"] > 0], last.validation.targets)
    seen = every.training.gather(np.arange(every.training.n_examples), None)
    assert int(seen["mask"].sum()) == every.facts["n_tokens"] - last.validation.ids.size - 5  # a song's first is given
    assert every.facts["inputs_shape"] == [every.training.n_examples, 8, 1]
    assert every.facts["targets_shape"] == [every.training.n_examples, 8]


def test_n15_first_loss_is_that_of_knowing_nothing() -> None:
    for trained in (training(**PLAIN | {"embedding": 100, "filters": (64, 128, 256)}), training(**FULL)):
        prepared = KIND.prepare([midi_song(60, number) for number in range(3)], trained)
        networks = KIND.build(prepared.codec, trained)
        batch = prepared.training.gather(np.arange(64), None)
        logits = np.asarray(networks.models["notes"](batch["inputs"]), dtype=np.float64)
        nats = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, batch["target"][..., None], -1)[..., 0]
        assert nats.mean() == pytest.approx(prepared.floors["uniform"], rel=0.05)
        assert prepared.floors["uniform"] == pytest.approx(np.log(prepared.facts["vocabulary_size"]))
        assert prepared.floors["uniform"] > prepared.floors["unigram"] > 0


class TestTrained:
    """The full block on words, after some epochs."""

    @pytest.fixture(scope="class")
    @classmethod
    def learned(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
        trained = training(**FULL)
        songs = [midi_song(40, number) for number in range(3)]
        prepared = KIND.prepare(songs, trained)
        networks = KIND.build(prepared.codec, trained)
        keeper = Keeper(tmp_path_factory.mktemp("wavenet"))
        KIND.fit(networks, prepared, trained, seed=0, monitor=keeper)
        return trained, prepared, networks, keeper, songs

    def test_n15_it_learns_more_than_frequencies(self, learned: tuple[Any, ...]) -> None:
        _, prepared, _, keeper, _ = learned
        assert min(row.val_loss for row in keeper.rows) < prepared.floors["unigram"]

    def test_n9_the_best_epoch_comes_back_with_its_vocabulary(self, learned: tuple[Any, ...]) -> None:
        trained, prepared, _, keeper, songs = learned
        codec = KIND.codec_from_json(prepared.codec.to_json())
        loaded = [KIND.build(codec, trained, seed=seed) for seed in (8, 9)]
        for each in loaded:
            each.load(keeper.folder)
        one, two = (make(each, codec, trained, num_notes=40)[0].content.notes for each in loaded)
        np.testing.assert_array_equal(one, two)
        other = KIND.prepare([*songs, song(melody(list(range(30, 50))), 7)], trained).codec
        with pytest.raises(CorruptArtifact, match="fit the network built from the run's settings"):
            KIND.build(other, trained).load(keeper.folder)

    def test_n7_n10_n11_the_authors_way_of_writing(self, learned: tuple[Any, ...]) -> None:
        trained, prepared, networks, *_ = learned
        (made,) = make(networks, prepared.codec, trained, num_notes=60, step_beats=0.5)
        assert sorted(set(made.content.onset_beats.tolist())) == [number * 0.5 for number in range(60)]
        together = np.unique(np.stack([made.content.notes["onset_ticks"], made.content.notes["pitch"]]), axis=1)
        assert together.shape[1] == made.content.num_notes  # no note of a chord is written twice
        words = prepared.codec.vocabulary.tokens
        assert prepared.codec.vocabulary.decode(prepared.codec.vocabulary.encode(words)) == list(words)

    def test_n10_argmax_is_repeatable_and_seeds_vary_the_rest(self, learned: tuple[Any, ...]) -> None:
        trained, prepared, networks, *_ = learned
        prompt = midi_song(8, 5)

        def pitches(seed: int, **values: Any) -> list[int]:
            (made,) = make(networks, prepared.codec, trained, prompt, (seed,), num_notes=40, **values)
            return made.content.notes["pitch"].tolist()

        assert pitches(1, greedy=True) == pitches(2, greedy=True)
        assert pitches(1) == pitches(1, memory="window") != pitches(2)

    def test_a_prompt_with_too_few_known_tokens_is_refused(self, learned: tuple[Any, ...]) -> None:
        trained, prepared, networks, *_ = learned
        with pytest.raises(InvalidInput, match="8 tokens"):
            make(networks, prepared.codec, trained, song(melody([60, 62, 64])))


def test_pooled_as_the_authors_had_it() -> None:
    trained = training(**PLAIN)
    prepared = KIND.prepare([midi_song(40, number) for number in range(2)], trained)
    networks = KIND.build(prepared.codec, trained)
    (made,) = make(networks, prepared.codec, trained, num_notes=70)
    assert made.facts["prompt_notes"] == 32
    assert made.facts["steps"] == 70
