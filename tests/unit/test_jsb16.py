"""The yardstick: what it reads, what it measures, and that a mixture is a valid prediction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.benchmarks import jsb16, jsb16_table
from musicgen.benchmarks.counted_chorales import CountedChorales
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput


def pieces(count: int, seed: int) -> list[list[list[int]]]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        steps = int(rng.integers(8, 20))
        piece = np.repeat(rng.integers(0, 12, (steps, 4)), 2, axis=0) + np.array([70, 62, 55, 43])
        piece[rng.random(piece.shape) < 0.05] = -1
        made.append(piece.tolist())
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "chorales.json"
    written.write_text(json.dumps({"train": pieces(6, 0), "valid": pieces(3, 1)}))
    return written


def test_test_pieces_are_read_if_there_are_any(path: Path) -> None:
    assert sorted(jsb16.read_splits(path)) == ["train", "valid"]
    document = json.loads(path.read_text()) | {"test": pieces(2, 2)}
    path.write_text(json.dumps(document))
    assert [len(each) for each in jsb16.read_splits(path).values()] == [6, 3, 2]


@pytest.mark.parametrize(
    "text", ["no json", '{"train": [[[60, 55, 50, 40]]]}', '{"train": [[[1, 2]]], "valid": 3}',
             '{"train": [[[200, 1, 1, 1]]], "valid": [[[1, 1, 1, 1]]]}'],
)  # fmt: skip
def test_another_file_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    with pytest.raises(InvalidInput, match="Received: "):
        jsb16.read_splits(bad)


def test_counts_add_up_to_one_hear_no_future_and_know_every_key(path: Path) -> None:
    splits = jsb16.read_splits(path)
    codec = jsb16.codec_of(splits)
    counted = CountedChorales(jsb16.songs_of(splits["train"], codec))
    piece = splits["train"][0]
    other, higher = piece.copy(), np.where(piece < 0, piece, piece + 2).astype(np.int16)
    other[9:] = [70, 60, 50, 45]
    song, changed, moved = jsb16.songs_of([piece, other, higher], codec)
    said = counted.log_probabilities(song)
    assert said.shape == (*song.ids.shape, codec.values)
    np.testing.assert_allclose(np.exp(said).sum(axis=-1), 1.0)
    np.testing.assert_array_equal(said[:9], counted.log_probabilities(changed)[:9])
    known = jsb16.nats_of([song], [said])
    assert known < 0.5 * np.log(codec.values), "it was counted"
    chosen, again = (
        np.take_along_axis(counted.log_probabilities(each), each.ids[..., None], axis=-1)[-4:] for each in (song, moved)
    )
    np.testing.assert_allclose(again, chosen, rtol=0.01)
    both = jsb16.with_counts(np.full(said.shape, -np.log(codec.values)), said)
    np.testing.assert_allclose(np.exp(both).sum(axis=-1), 1.0)


def test_a_voice_decided_before_is_known_and_one_after_is_not(path: Path) -> None:
    splits = jsb16.read_splits(path)
    codec = jsb16.codec_of(splits)
    counted = CountedChorales(jsb16.songs_of(splits["train"], codec))
    piece = splits["train"][0]
    other = piece.copy()
    other[8, 1] += 1  # the alto, which is decided last
    song, changed = jsb16.songs_of([piece, other], codec)
    one, two = (counted.log_probabilities(each)[8] for each in (song, changed))
    np.testing.assert_array_equal(one, two)
    other[8] = piece[8]
    other[8, 0] = piece[8, 0] + 1
    (changed,) = jsb16.songs_of([other], codec)
    assert not np.array_equal(one[1:], counted.log_probabilities(changed)[8, 1:])


def test_time_is_shared_once_there_is_enough() -> None:
    assert [jsb16.worthwhile(minutes) for minutes in (3, 12, 60)] == [1, 2, 3]


def test_the_table_keeps_other_lengths_and_replaces_the_same(tmp_path: Path) -> None:
    found = {
        "minutes": 3.1, "cpu_minutes": 5.0, "preset": None, "networks": 1, "single": {"valid": 0.4},
        "mixture": {"valid": 0.39, "test": 0.41}, "counted": {"valid": 0.5}, "floors": {"uniform": 4.06},
        "published": {"BachBot": 0.477}, "valid": 0.39, "valid_is": "the mixture",
    }  # fmt: skip
    assert [row[0] for row in jsb16_table.ladder(found)] == [
        "voices, mixture", "voices, one network", "BachBot", "counted, all keys", "uniform",
    ]  # fmt: skip
    for each in (found, {**found, "minutes": 60.2, "valid": 0.33}, {**found, "minutes": 2.9}):
        table = jsb16_table.publish(each, tmp_path)
    assert [row["minutes"] for row in json.loads((tmp_path / "jsb16.json").read_text())] == [2.9, 60.2]
    assert "after 60.2 minutes" in table.read_text()


@pytest.mark.numeric
class TestMeasured:
    def test_knowing_nothing_costs_the_logarithm_whatever_the_padding(self, path: Path) -> None:
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        networks = approach("voices").build(codec, training, seed=0)
        (model,) = networks.models.values()
        model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
        songs = jsb16.songs_of(splits["valid"], codec)
        assert [len(each) for each in jsb16.mixed([networks], songs, codec, training, (0,))] == [
            len(piece) for piece in splits["valid"]
        ]
        assert jsb16.mean_nats([networks], songs, codec, training) == pytest.approx(np.log(codec.values), abs=1e-5)

    def test_what_a_mixture_says_adds_up_to_one_and_does_not_hear_the_future(self, path: Path) -> None:
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        both = [approach("voices").build(codec, training, seed=seed) for seed in (0, 1)]
        piece = splits["valid"][0]
        other = piece.copy()
        other[9:] = [70, 60, 50, 45]
        one, two = jsb16.songs_of([piece, other], codec)
        said = [next(jsb16.mixed(both, [each], codec, training, range(-6, 6))) for each in (one, two)]
        np.testing.assert_allclose(np.exp(said[0]).sum(axis=-1), 1.0, rtol=1e-4)
        np.testing.assert_array_equal(said[0][:9], said[1][:9])
        assert not np.array_equal(said[0][10], said[1][10])

    def test_other_keys_are_read_as_they_would_be_alone(self, path: Path) -> None:
        """A piece that is higher, and the network told of it lower, is the same to it."""
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        networks = approach("voices").build(codec, training, seed=0)
        piece = splits["valid"][0]
        higher = np.where(piece < 0, piece, piece + 3).astype(np.int16)
        song, moved = jsb16.songs_of([piece, higher], codec)
        (alone,) = jsb16.mixed([networks], [song], codec, training, (0,))
        (back,) = jsb16.mixed([networks], [moved], codec, training, (-3,))
        ours = np.take_along_axis(alone, song.ids[..., None], axis=-1)
        theirs = np.take_along_axis(back, moved.ids[..., None], axis=-1)
        np.testing.assert_allclose(theirs, ours, atol=0.1)  # less what it cannot sing in the other key


def tiny():
    kind = approach("voices")
    return read_parameters(kind.Training, {**kind.tiny.training, "fill_in": False})
