"""The yardstick: what it reads, what it measures, and that a mixture is a valid prediction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.benchmarks import jsb16
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


@pytest.mark.numeric
class TestMeasured:
    def test_knowing_nothing_costs_the_logarithm_whatever_the_padding(self, path: Path) -> None:
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        networks = approach("voices").build(codec, training, seed=0)
        (model,) = networks.models.values()
        model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
        songs = jsb16.songs_of(splits["valid"], codec)
        single = jsb16.note_nats(networks, songs, codec, training)
        assert [len(each) for each in single] == [len(piece) for piece in splits["valid"]]
        assert jsb16.mean_nats([networks], songs, codec, training) == pytest.approx(np.log(codec.values), abs=1e-5)

    def test_a_mixture_is_the_mean_of_probabilities(self, path: Path) -> None:
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        both = [approach("voices").build(codec, training, seed=seed) for seed in (0, 1)]
        songs = jsb16.songs_of(splits["valid"], codec)
        alone = [jsb16.note_nats(each, songs, codec, training, key) for each in both for key in (-2, 3)]
        mixed = jsb16.mixed_nats(both, songs, codec, training, (-2, 3))
        for number, nats in enumerate(mixed):
            mean = np.mean([np.exp(-each[number]) for each in alone], axis=0)
            np.testing.assert_allclose(np.exp(-nats), mean, rtol=1e-5)

    def test_all_of_a_voice_together_have_probability_one(self, path: Path) -> None:
        """Every value of one note, transposed too, summed: a mixture over keys spends no more than there is."""
        splits = jsb16.read_splits(path)
        codec, training = jsb16.codec_of(splits), tiny()
        networks = approach("voices").build(codec, training, seed=0)
        piece = splits["valid"][0]
        total = {0: 0.0, 2: 0.0}
        for pitch in [-1, *range(codec.lowest, codec.highest + 1)]:
            other = piece.copy()
            other[5, 3] = pitch  # the bass, the second to be decided
            (song,) = jsb16.songs_of([other], codec)
            for key in total:
                if pitch == -1 or codec.lowest <= pitch + key <= codec.highest:
                    (nats,) = jsb16.note_nats(networks, [song], codec, training, key)
                    total[key] += float(np.exp(-nats[5, 3]))
        assert total[0] == pytest.approx(1.0, abs=1e-4)
        assert 0.8 < total[2] < 1.0


def tiny():
    kind = approach("voices")
    return read_parameters(kind.Training, {**kind.tiny.training, "fill_in": False})
