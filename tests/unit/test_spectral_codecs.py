"""Sound as blocks and as frames: there and back, cut into examples as the authors cut it, with honest floors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from musicgen.approaches.spectral_lstm.block_data import count_blocks, prepare_blocks, sequence_starts
from musicgen.approaches.spectral_lstm.blocks import BlockCodec, blocks_to_features, features_to_blocks, n_features
from musicgen.approaches.spectral_lstm.frame_data import prepare_frames
from musicgen.approaches.spectral_lstm.frames import FrameCodec, log_credit
from musicgen.approaches.spectral_lstm.parameters import Training
from musicgen.approaches.spectral_lstm.phase import count_frames, magnitudes_to_samples, overlapped, short_time_spectrum
from musicgen.audio.waveform import Waveform
from musicgen.codecs.clustering import nearest
from musicgen.codecs.sounds import open_sounds, split
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import CorruptArtifact, InvalidInput
from tests.makers_music import audio_song, plucked, song

pytestmark = pytest.mark.numeric

BLOCKS = {"representation": "blocks", "sample_rate": 0, "block_size": 100, "clip_seconds": 0.05, "validation_share": 0}
FRAMES = {"sample_rate": 0, "n_fft": 256, "hop_length": 64, "clip_seconds": 0.5, "components": 16, "codebook_size": 32}


def training(**values: Any) -> Any:
    return read_parameters(Training, values)


class Tape:
    """A very long song out of a short one, without holding it: what an approach asks of a clip."""

    medium = "audio"

    def __init__(self, n_samples: int, sample_rate: int = 44_100) -> None:
        self.loop = np.random.default_rng(1).uniform(-0.5, 0.5, 100_003).astype(np.float32)
        self.n_samples, self.sample_rate = n_samples, sample_rate

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def waveform(self, start_seconds: float = 0.0, stop_seconds: float | None = None) -> Waveform:
        first = round(start_seconds * self.sample_rate)
        last = self.n_samples if stop_seconds is None else round(stop_seconds * self.sample_rate)
        return Waveform(self.loop[np.arange(first, min(last, self.n_samples)) % self.loop.size], self.sample_rate)


def test_a_song_is_cut_as_the_authors_cut_it() -> None:
    original = training(
        representation="blocks", sample_rate=44_100, clip_seconds=10, block_size=11_025, validation_share=0
    )
    song = TrainingSong("song-1", "test", Tape(8_625_024))  # type: ignore[arg-type]
    prepared = prepare_blocks([song], original)
    assert prepared.facts["n_blocks"] == 783
    assert prepared.facts["inputs_shape"] == prepared.facts["targets_shape"] == [19, 40, 22_050]
    assert prepared.validation is None


@pytest.mark.parametrize(
    ("n_samples", "block_size", "length", "n_blocks", "n_sequences"),
    [
        (8_625_024, 44_100, 10, 196, 19),
        (5_824_559, 11_025, 40, 529, 13),
        (5_824_559, 44_100, 10, 133, 13),
    ],
)
def test_the_last_block_is_never_an_input(
    n_samples: int, block_size: int, length: int, n_blocks: int, n_sequences: int
) -> None:
    (sound,), _ = open_sounds([TrainingSong("s", "s", Tape(n_samples))], sample_rate=44_100)  # type: ignore[arg-type]
    assert count_blocks(sound, block_size) == n_blocks
    assert len(sequence_starts(n_blocks, length, length)) == n_sequences
    assert sequence_starts(81, 40, 40) == [0, 40]
    assert sequence_starts(80, 40, 40) == [0]  # an exact last sequence has no block after it, and is dropped


@pytest.mark.parametrize("transform", ["fft", "rfft", "none"])
@pytest.mark.parametrize("block_size", [11_025, 64])
def test_blocks_come_back_from_their_spectrum(transform: Any, block_size: int) -> None:
    blocks = np.random.default_rng(0).uniform(-1, 1, (5, block_size))
    features = blocks_to_features(blocks, transform)
    assert features.shape == (5, n_features(block_size, transform))
    assert np.abs(features_to_blocks(features, block_size, transform) - blocks).max() < 1e-9


def test_a_real_transform_says_the_same_in_half_of_the_numbers() -> None:
    assert [n_features(11_025, each) for each in ("fft", "rfft", "none")] == [22_050, 11_026, 11_025]
    assert n_features(44_100, "fft") == 88_200


def test_each_target_is_the_block_after_its_input() -> None:
    one = audio_song(2_030, 3)
    prepared = prepare_blocks([one], training(**BLOCKS, normalise=False, transform="none"))
    arrays = prepared.training.gather(np.arange(prepared.training.n_examples), None)
    samples = np.pad(one.clip.waveform().samples[0], (0, 70)).reshape(-1, 100)  # the last block is filled with zeros
    assert len(samples) == 21
    np.testing.assert_array_equal(arrays["inputs"].reshape(-1, 100), samples[:20])
    np.testing.assert_array_equal(arrays["targets"].reshape(-1, 100), samples[1:])
    assert arrays["mask"].all()


def test_normalised_inputs_have_mean_0_and_variance_1() -> None:
    prepared = prepare_blocks([audio_song(40_000, 1), audio_song(9_000, 2)], training(**BLOCKS))
    inputs = prepared.training.gather(np.arange(prepared.training.n_examples), None)["inputs"].reshape(-1, 200)
    assert np.abs(inputs.mean(axis=0, dtype=np.float64)).max() < 1e-5
    variance = inputs.var(axis=0, dtype=np.float64)
    always_zero = prepared.codec.std <= 2e-8  # the imaginary part at 0 Hz and at half of the sample rate
    assert always_zero.sum() == 2
    np.testing.assert_allclose(variance[~always_zero], 1.0, atol=1e-4)


def test_what_was_normalised_comes_back_to_the_last_bit() -> None:
    one = audio_song(9_000, 1)
    codec = prepare_blocks([one], training(**BLOCKS)).codec
    samples = one.clip.waveform().samples[0]
    assert np.abs(codec.decode(codec.encode(samples)) - samples).max() < 0.5 / 32_767


def test_floors_say_that_silence_is_the_safest_guess() -> None:
    prepared = prepare_blocks([audio_song(40_000, 1)], training(**BLOCKS))
    assert prepared.floors["zero (the mean)"] == pytest.approx(1.0, abs=0.1)
    assert 1.5 < prepared.floors["repeat the last block"] < 3.0
    absolute = prepare_blocks([audio_song(40_000, 1)], training(**BLOCKS, loss="mae")).floors
    assert absolute["zero (the mean)"] < absolute["repeat the last block"]


def test_a_block_codec_survives_json_and_refuses_another_size() -> None:
    codec = prepare_blocks([audio_song(9_000, 1)], training(**BLOCKS)).codec
    document = json.loads(json.dumps(codec.to_json()))
    back = BlockCodec.from_json(document)
    np.testing.assert_array_equal(back.mean, codec.mean)
    np.testing.assert_array_equal(back.std, codec.std)
    for wrong in ({"block_size": 50}, {"mean": "no base64"}):
        with pytest.raises(CorruptArtifact, match="Stored numbers"):
            BlockCodec.from_json({**document, **wrong})


def test_short_songs_are_shown_shorter_and_said() -> None:
    settings = {**BLOCKS, "clip_seconds": 0.5}  # 40 blocks of 100
    alone = prepare_blocks([audio_song(1_000)], training(**settings))
    assert alone.facts["inputs_shape"] == [1, 9, 200]
    assert "No song is longer than 0.5 s" in alone.warnings[0]
    beside = prepare_blocks([audio_song(1_000), audio_song(9_000)], training(**settings))
    assert beside.facts["inputs_shape"] == [3, 40, 200]
    assert beside.warnings == ("1 of 2 songs are shorter than 0.5 s; each gives one shortened sequence.",)
    assert beside.training.gather(np.array([0]), None)["mask"].sum() == 9


def test_stereo_is_mixed_silence_refused_and_files_left_out_and_all_of_it_said() -> None:
    prepared = prepare_blocks([audio_song(9_000, 1, n_channels=2), audio_song(9_000)], training(**BLOCKS, max_songs=1))
    assert any("mono" in warning for warning in prepared.warnings)
    assert any("left out" in warning for warning in prepared.warnings)
    assert (prepared.facts["n_songs"], prepared.facts["n_songs_used"]) == (2, 1)
    with pytest.raises(InvalidInput, match="silent"):
        prepare_blocks([song(Waveform(np.zeros(9_000, np.float32), 8_000))], training(**BLOCKS))


@pytest.mark.parametrize("rates", [(48_000, 44_100), (8_000, 22_050), (44_100, 16_000)])
def test_a_stretch_is_the_same_whatever_is_read_around_it(rates: tuple[int, int]) -> None:
    (sound,), _ = open_sounds([audio_song(60_000, 1, sample_rate=rates[0])], sample_rate=rates[1])
    whole = sound.read(0, sound.n_samples)
    assert sound.n_samples == 60_000 * rates[1] // rates[0]
    pieces = np.concatenate(list(sound.pieces(7_777)))
    assert np.abs(pieces - whole).max() < 2e-4
    np.testing.assert_array_equal(sound.read(-5, 3)[:5], 0)
    later = sound.part(1_000, 3_000)
    assert np.abs(later.read(0, 2_500)[:2_000] - whole[1_000:3_000]).max() < 2e-4
    assert not later.read(0, 2_500)[2_000:].any()


def test_the_end_of_each_song_is_held_out() -> None:
    sounds, _ = open_sounds([audio_song(10_000)], sample_rate=0)
    (kept,), (held_out,) = split(sounds, 0.2)
    assert (kept.n_samples, held_out.n_samples) == (8_000, 2_000)
    np.testing.assert_array_equal(held_out.read(0, 2_000), sounds[0].read(8_000, 10_000))


def test_overlapping_frames_come_back_without_clicks() -> None:
    samples = plucked(8_000).samples[0]
    for n_fft, hop in ((256, 64), (256, 100)):
        spectrum = short_time_spectrum(samples, n_fft, hop)
        assert len(spectrum) == count_frames(8_000, n_fft, hop)
        back = overlapped(spectrum, n_fft, hop)
        np.testing.assert_allclose(back[n_fft:-n_fft], samples[n_fft : back.size - n_fft], atol=1e-5)


def test_a_piece_does_not_click_at_its_ends() -> None:
    """Random magnitudes agree with nothing, least of all where only one window reaches."""
    magnitudes = np.random.default_rng(0).exponential(size=(40, 129)).astype(np.float32)
    made = magnitudes_to_samples(magnitudes, hop_length=64, iterations=4, rng=np.random.default_rng(1))
    inner = np.abs(made[256:-256]).max()
    assert np.abs(made[:256]).max() < 1.3 * inner
    assert np.abs(made[-256:]).max() < 1.3 * inner
    assert np.abs(made[[0, -1]]).max() < 0.05 * inner


def test_phases_are_found_again() -> None:
    samples = plucked(16_000).samples[0]
    magnitudes = np.abs(short_time_spectrum(samples, 512, 128))

    def miss(iterations: int) -> float:
        made = magnitudes_to_samples(magnitudes, hop_length=128, iterations=iterations, rng=np.random.default_rng(0))
        again = np.abs(short_time_spectrum(made, 512, 128))
        return float(20 * np.log10(np.linalg.norm(again - magnitudes) / np.linalg.norm(magnitudes)))

    assert miss(0) < -10
    assert miss(30) < min(-20, miss(0) - 5)


def test_frames_come_back_from_their_choices() -> None:
    one = audio_song(40_000, 1)
    prepared = prepare_frames([one], training(**FRAMES))
    codec = prepared.codec
    steps = codec.steps_from(codec.log_frames(one.clip.waveform(0, 4).samples[0]))[:: codec.frames_per_step]
    said = codec.to_steps(codec.quantise(steps))
    assert np.mean((said - steps) ** 2) < 0.2 * np.mean(steps**2)
    magnitudes = codec.to_magnitudes(steps)
    assert magnitudes.shape == (len(steps) * codec.frames_per_step, codec.n_bins)
    assert np.all(magnitudes >= 0)
    assert np.all(magnitudes <= codec.quietest * np.expm1(codec.loudest) * 1.001)
    back = FrameCodec.from_json(json.loads(json.dumps(codec.to_json())))
    np.testing.assert_array_equal(back.quantise(steps), codec.quantise(steps))
    np.testing.assert_array_equal(back.to_magnitudes(said), codec.to_magnitudes(said))


def test_what_sounds_nearly_as_right_counts_nearly_as_right() -> None:
    codebook = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]], dtype=np.float32)
    vectors = np.array([[0.0, 0.0], [0.5, 0.0]], dtype=np.float32)
    assert nearest(vectors[:1], codebook)[0] == 0
    credit = log_credit(vectors, codebook, 1.0)
    np.testing.assert_allclose(credit[0], [0.0, -0.5, -8.0], atol=1e-5)
    np.testing.assert_allclose(credit[1], [0.0, 0.0, -6.0], atol=1e-5)
    drawn = nearest(np.zeros((2_000, 2), np.float32), codebook, np.random.default_rng(0), 1.0)
    share = np.bincount(drawn, minlength=3) / 2_000
    np.testing.assert_allclose(share[:2], np.exp([0, -0.5]) / (1 + np.exp(-0.5)), atol=0.05)


def test_frames_that_train_share_no_sample_with_those_held_out() -> None:
    one = audio_song(40_000, 1)
    prepared = prepare_frames([one], training(**FRAMES))
    codec, cut = prepared.codec, 32_000
    (learned,), (checked,) = prepared.training.parts, prepared.validation.parts
    last = len(learned) - 1 + codec.frames_per_step - 1  # the last frame of the last step
    assert last * codec.hop_length + codec.n_fft <= cut
    assert checked.first * codec.hop_length >= cut
    arrays = prepared.validation.gather(np.arange(prepared.validation.n_examples), None)
    counted = int(arrays["mask"].sum())
    assert counted == -(-(len(checked) - checked.first) // codec.frames_per_step)


def test_the_network_hears_the_step_before_the_one_it_is_to_say() -> None:
    prepared = prepare_frames([audio_song(40_000, 1)], training(**FRAMES))
    data, codec = prepared.training, prepared.codec
    arrays = data.gather(np.array([0]), None)
    assert not arrays["heard"][0, 0].any()  # nothing comes before a song
    said = codec.to_steps(codec.quantise(arrays["target"][0]))
    np.testing.assert_allclose(arrays["heard"][0, 1:], said[:-1], atol=1e-6)
    one, two = (data.gather(np.array([1]), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one["heard"], two["heard"])


def test_knowing_the_last_step_is_better_than_knowing_how_often_each_occurs() -> None:
    floors = prepare_frames([audio_song(40_000, 1)], training(**FRAMES)).floors
    assert 0 < floors["repeat"] < floors["unigram"] <= floors["uniform"] + 0.05
