"""The spectral LSTM: the authors' sizes and lengths, what it hears first, that it learns, and what it does alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from musicgen.approaches.spectral_lstm import SpectralLSTM
from musicgen.approaches.spectral_lstm.sizes import cell_parameters, parameters_of
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidParameter
from tests.makers_music import audio_song

pytestmark = pytest.mark.numeric

KIND = SpectralLSTM()
ORIGINAL = KIND.presets["original"]
SMALL = {**ORIGINAL.training, "sample_rate": 0, "block_size": 200, "clip_seconds": 0.5, "units": 8, "epochs": 1}


class Run:
    """A trained network with what it takes to generate."""

    def __init__(self, songs: Sequence[TrainingSong], training: dict[str, Any]) -> None:
        self.songs, self.training = songs, read_parameters(KIND.Training, training)
        self.prepared = KIND.prepare(songs, self.training)
        self.networks = KIND.build(self.prepared.codec, self.training, seed=0)
        self.rows: list[EpochRow] = []

    def fit(self) -> Run:
        run = self

        class Keeping(SilentMonitor):
            def epoch_ended(self, row: EpochRow, save: Any) -> None:
                run.rows.append(row)

        KIND.fit(self.networks, self.prepared, self.training, seed=0, monitor=Keeping())
        return self

    def make(self, seeds: Sequence[int], *, prompt: TrainingSong | None = None, **generation: Any) -> list[Made]:
        values = read_parameters(KIND.Generation, {**ORIGINAL.generation, **generation})
        songs = generation.pop("songs", self.songs)
        order = Order(values, seeds, songs, prompt, SilentMonitor())
        return list(KIND.generate(self.networks, self.prepared.codec, self.training, order))


@pytest.fixture(scope="module")
def blocks() -> Run:
    return Run([audio_song(24_000, 0), audio_song(12_000, 1)], SMALL).fit()


@pytest.fixture(scope="module")
def frames() -> Run:
    small = {**KIND.tiny.training, "clip_seconds": 0.2, "units": 24, "codebook_size": 16, "epochs": 6, "batch_size": 8}
    return Run([audio_song(24_000, 0)], {**small, "learning_rate": 1e-2, "sequence_overlap": 0.75}).fit()


@pytest.mark.parametrize(("features", "parameters"), [(22_050, 53_574_178), (88_200, 189_115_528)])
def test_the_authors_network_has_the_authors_size(features: int, parameters: int) -> None:
    training = read_parameters(KIND.Training, ORIGINAL.training)
    assert parameters_of({"inputs_shape": [1, 40, features]}, training) == parameters


def test_the_drawing_adds_up_to_the_size(blocks: Run, frames: Run) -> None:
    for run in (blocks, frames):
        layers = KIND.layers(run.training, run.prepared.facts)
        drawn = sum((layer.parameters or 0) * layer.repeated for layer in layers)
        assert drawn == KIND.cost(run.prepared, run.training).parameters == run.networks.parameters[0]
    assert len(KIND.layers(read_parameters(KIND.Training, {"num_layers": 3}))) > 5


@pytest.mark.parametrize(("block_size", "n_blocks", "n_samples"), [(11_025, 49, 540_225), (44_100, 19, 837_900)])
def test_a_piece_is_as_long_as_the_authors(block_size: int, n_blocks: int, n_samples: int) -> None:
    run = Run([audio_song(500_000, 0, sample_rate=44_100)], {**ORIGINAL.training, "block_size": block_size, "units": 2})
    (made,) = run.make([1])
    assert made.facts["n_blocks"] == n_blocks
    assert made.content.n_samples == n_samples
    assert made.facts["seeded_seconds"] == 10.0


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_carried_memory_is_that_of_the_whole_sequence(cell: str) -> None:
    from musicgen.approaches.spectral_lstm.block_network import BlockStepper
    from musicgen.approaches.spectral_lstm.block_pieces import play_blocks

    run = Run([audio_song(24_000, 0)], {**SMALL, "cell": cell, "num_layers": 2})
    assert run.networks.parameters == [KIND.cost(run.prepared, run.training).parameters]
    assert cell_parameters(cell, 8, 8) == {"lstm": 544, "gru": 432}[cell]
    model = run.networks.models["spectra"]
    heard = run.prepared.training.gather(np.array([0]), None)["inputs"][:, :6]
    made = play_blocks(BlockStepper(model, 2), heard, 3)
    np.testing.assert_allclose(made[:, :6], np.asarray(model(heard)), atol=1e-5)
    longer = np.concatenate([heard, made[:, 5:8]], axis=1)
    np.testing.assert_allclose(made[:, 6:], np.asarray(model(longer))[:, 6:], atol=1e-5)


def test_what_was_heard_first_is_told(blocks: Run) -> None:
    made = blocks.make([1, 2, 3, 4])
    codec = blocks.prepared.codec
    assert len({each.facts["seed_example"] for each in made}) > 1
    for each in made:
        number, first = blocks.prepared.training.starts[each.facts["seed_example"]]
        assert each.facts["seed_song"] == blocks.songs[number].name
        assert each.facts["seed_start_seconds"] == pytest.approx(first * codec.block_size / 8_000)
        assert each.reference is not None
        # A block of the output is a guess of the one after what was heard.
        assert each.reference.start_seconds == pytest.approx((first + 1) * codec.block_size / 8_000)
        assert each.facts["seeded_seconds"] == 0.5
        assert {"level_db", "level_of_songs_db", "collapsed_to_mean"} <= set(each.facts)


def test_what_is_heard_first_can_be_chosen(blocks: Run) -> None:
    (other,) = blocks.make([1], prompt=audio_song(16_000, 7), start_seconds=0.25)
    assert other.facts["seed_start_seconds"] == 0.25
    assert other.facts["seed_example"] is None
    assert other.facts["seed_song"] == "song 7"
    (long,), (short,) = blocks.make([1], seed_len=2), blocks.make([1], keep_seed=False)
    assert long.content.n_samples == (2 * 20 + 9) * 200
    assert short.content.n_samples == 9 * 200
    (loud,) = blocks.make([1], normalise_peak=True)
    assert np.abs(loud.content.samples).max() == pytest.approx(0.98, abs=0.01)
    assert loud.facts["level_db"] == pytest.approx(blocks.make([1])[0].facts["level_db"], abs=0.1)


def test_it_plays_when_its_songs_are_gone(blocks: Run, frames: Run) -> None:
    for run in (blocks, frames):
        songs, run.songs = run.songs, []
        one, two = run.make([1, 2], keep_seed=False)
        run.songs = songs
        assert one.reference is None
        assert one.facts["seed_song"] is None
        assert not np.array_equal(one.content.samples, two.content.samples)


def test_one_clip_can_be_learned_by_heart() -> None:
    training = {**SMALL, "epochs": 250, "units": 96, "learning_rate": 3e-3, "transform": "rfft"}
    run = Run([audio_song(4_300, 0)], training).fit()
    assert run.prepared.training.n_examples == 1
    assert run.rows[-1].loss < 0.2 * run.prepared.floors["zero (the mean)"]
    (made,) = run.make([1])
    played = made.content.samples[0, :4_000]
    song = run.songs[0].clip.waveform().samples[0, 200:4_200]
    assert np.corrcoef(played, song)[0, 1] > 0.9


def test_rmsprop_learns_and_goes_on_where_it_was(blocks: Run) -> None:
    import keras

    assert isinstance(blocks.networks.optimizers["spectra"], keras.optimizers.RMSprop)
    assert blocks.networks.optimizers["spectra"].rho == 0.9


def test_validation_stands_beside_its_floors() -> None:
    held = Run([audio_song(24_000, 0)], {**SMALL, "validation_share": 0.3, "loss": "mae"}).fit()
    assert held.rows[0].val_loss is not None
    assert set(held.prepared.floors) == {"zero (the mean)", "repeat the last block"}


def test_frames_learn_what_comes_next(frames: Run) -> None:
    last = frames.rows[-1]
    assert last.val_loss is not None
    assert last.val_loss < frames.prepared.floors["unigram"]
    assert last.loss < frames.rows[0].loss
    assert last.extra["book_1"] + last.extra["book_2"] == pytest.approx(last.loss, rel=1e-4)


def test_frames_play_as_long_and_as_loud_as_they_should(frames: Run) -> None:
    one, two = frames.make([1, 2], steps=0, seconds=1.5, keep_seed=False, phase_iterations=8)
    assert one.content.seconds == pytest.approx(1.5, abs=0.05)
    assert not np.array_equal(one.content.samples, two.content.samples)
    for made in (one, two):
        assert not made.facts["collapsed_to_mean"]
        assert made.facts["level_db"] < made.facts["level_of_songs_db"] + 12
        assert made.facts["clipped_share"] == 0
        assert made.reference is not None
        assert made.reference.start_seconds == pytest.approx(
            made.facts["seed_start_seconds"] + made.facts["heard_seconds"], abs=1e-5
        )
    (kept,) = frames.make([1], steps=0, seconds=1.5, keep_seed=True, phase_iterations=8)
    assert kept.content.seconds == pytest.approx(1.5 + kept.facts["seeded_seconds"], abs=0.05)
    beside, _ = frames.make([1, 3], steps=0, seconds=1.5, keep_seed=False, phase_iterations=8)
    np.testing.assert_array_equal(beside.content.samples, one.content.samples)  # whoever else is made beside it


def test_frames_with_one_codebook_learn_and_play() -> None:
    """Keras gives a network with one output no list of outputs."""
    small = {**KIND.tiny.training, "clip_seconds": 0.2, "num_codebooks": 1}
    run = Run([audio_song(6_000, 0)], small).fit()
    (row,) = run.rows
    assert row.extra["book_1"] == pytest.approx(row.loss, rel=1e-6)
    (made,) = run.make([1], steps=0, seconds=0.2, keep_seed=False)
    assert made.content.seconds == pytest.approx(0.2, abs=0.05)


def test_a_carried_memory_of_frames_is_that_of_the_whole_window(frames: Run) -> None:
    from musicgen.approaches.spectral_lstm.frame_network import FrameStepper
    from musicgen.sampling.token_sampler import hear

    model, codec = frames.networks.models["spectra"], frames.prepared.codec
    arrays = frames.prepared.training.gather(np.array([0]), None)
    ids = codec.quantise(arrays["target"][0])
    stepper = FrameStepper(model, codec, 1)
    logits, _ = hear(stepper, stepper.start(1), ids[None, :5])
    whole = model({"heard": arrays["heard"], "known": arrays["known"]})
    np.testing.assert_allclose(np.asarray(logits)[0], np.asarray(whole[0])[0, 5], atol=1e-4)


def test_windows_have_to_overlap() -> None:
    with pytest.raises(InvalidParameter, match="at most half of the window"):
        read_parameters(KIND.Training, {"n_fft": 1024, "hop_length": 600})
    read_parameters(KIND.Training, {"representation": "blocks", "n_fft": 1024, "hop_length": 600})
