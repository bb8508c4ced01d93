"""Sound as network numbers: windows, stretches and the way back (S1, S8, S9, S12, S13)."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from musicgen.approaches.amplitude_lstm.bank import N_PARTS, Bank, fit_bank
from musicgen.approaches.amplitude_lstm.bank_examples import BankExamples
from musicgen.approaches.amplitude_lstm.codec import AmplitudeCodec
from musicgen.approaches.amplitude_lstm.mapped import mapped
from musicgen.approaches.amplitude_lstm.training_parts import Cut, hear, make_codec, stretches
from musicgen.approaches.amplitude_lstm.windows import WindowExamples, window_starts
from musicgen.audio.waveform import Waveform, float_to_pcm16
from musicgen.codecs.examples import blocks, steps_per_block
from musicgen.codecs.order import mixed
from musicgen.errors import InvalidInput
from tests.makers_music import audio_song, plucked, song

pytestmark = pytest.mark.numeric

CUT = Cut(samples=0, held_out_samples=0, gap=0, seconds=10.0, held_out_share=0.2)


class TestWindows:
    def test_s1_the_authors_windows_and_those_without_their_quirks(self) -> None:
        quirky = np.asarray(window_starts([160_000, 160_000], 3, cross_joins=True, off_by_one=True))
        plain = np.asarray(window_starts([160_000, 160_000], 3, cross_joins=False, off_by_one=False))
        assert quirky.size == 319_996
        assert plain.size == 319_994
        assert quirky[-1] + 3 == 319_998  # the last sample is never a target
        assert plain[-1] + 3 == 319_999
        assert 159_999 in quirky
        assert 159_999 not in plain

    def test_first_window_is_rows_0_1_2_and_its_target_row_3(self) -> None:
        series = np.arange(50, dtype=np.float32)
        examples = WindowExamples(series, np.arange(10), 3)
        arrays = examples.gather(np.array([0, 4]), None)
        assert arrays["inputs"].tolist() == [[[0, 1, 2]], [[4, 5, 6]]]
        assert arrays["target"].tolist() == [[3], [7]]
        as_steps = WindowExamples(series, np.arange(10), 3, as_steps=True).gather(np.array([0]), None)
        assert as_steps["inputs"].shape == (1, 3, 1)

    def test_s13_windows_of_two_songs_are_gathered_in_less_than_a_second(self) -> None:
        series = np.random.default_rng(0).normal(size=320_000).astype(np.float32)
        began = time.process_time()
        starts = window_starts([160_000, 160_000], 3, cross_joins=True, off_by_one=True)
        examples = WindowExamples(series, starts, 3)
        for block in blocks(examples, 100, steps_per_block(examples, 100, 3200), seed=0, epoch=1):
            assert block.arrays["inputs"].nbytes < 2**24
        assert time.process_time() - began < 1.0


class TestBlocks:
    def test_every_example_once_in_an_order_of_seed_and_epoch(self) -> None:
        series = np.arange(60, dtype=np.float32)
        examples = WindowExamples(series, np.arange(50), 3)

        def targets(seed: int, epoch: int) -> list[float]:
            return [
                value
                for block in blocks(examples, 8, 3, seed=seed, epoch=epoch)
                for value, weight in zip(block.arrays["target"].ravel(), block.arrays["weight"].ravel(), strict=True)
                if weight
            ]

        assert sorted(targets(0, 1)) == list(range(3, 53))
        assert targets(0, 1) == targets(0, 1) != targets(0, 2)
        assert targets(0, 1) != targets(1, 1)

    def test_shapes_never_change_and_padding_has_no_weight(self) -> None:
        series = np.arange(60, dtype=np.float32)
        made = list(blocks(WindowExamples(series, np.arange(50), 3), 8, 3, seed=0, epoch=1))
        assert {block.arrays["inputs"].shape for block in made} == {(3, 8, 1, 3)}
        assert [block.n_steps for block in made] == [3, 3, 1]
        assert [block.first_step for block in made] == [0, 3, 6]
        assert sum(block.arrays["weight"].sum() for block in made) == 50


class TestCut:
    def test_s8_the_authors_segments(self) -> None:
        cut = Cut(160_000, 239_999, 1, 60.0, 0.1)
        assert cut.spans(500_000, 44_100) == (slice(0, 160_000), slice(160_001, 400_000))
        assert sum(span.stop - span.start for span in [cut.spans(400_000, 44_100)[1]] * 2) == 479_998
        assert cut.spans(160_000, 44_100)[1] == slice(160_001, 160_000)

    def test_by_seconds_the_end_of_what_is_used_is_held_out(self) -> None:
        assert CUT.spans(50_000, 1_000) == (slice(0, 8_000), slice(8_000, 10_000))
        assert CUT.spans(1_000, 1_000) == (slice(0, 800), slice(800, 1_000))


class TestHearing:
    def test_s12_mono_and_stereo_at_different_rates(self) -> None:
        songs = [
            song(plucked(8_000, sample_rate=8_000), 0),
            song(plucked(8_000, sample_rate=8_000, n_channels=2), 1),
            song(plucked(12_000, sample_rate=12_000, n_channels=2), 2),
        ]
        heard = hear(songs, CUT, sample_rate=0, channels="source")
        assert (heard.sample_rate, heard.n_channels) == (8_000, 2)
        assert [waveform.n_channels for waveform in heard.waveforms] == [2, 2, 2]
        assert heard.waveforms[2].n_samples == pytest.approx(8_000, abs=2)
        assert any("8,000 Hz, 12,000 Hz" in warning for warning in heard.warnings)
        assert any("Mono" in warning for warning in heard.warnings)
        assert hear(songs, CUT, sample_rate=4_000, channels="mono").n_channels == 1

    def test_silence_is_refused(self) -> None:
        silent = song(Waveform(np.zeros((1, 8_000), np.float32), 8_000))
        with pytest.raises(InvalidInput, match="silent"):
            make_codec(hear([silent], CUT, sample_rate=0, channels="mono"), CUT, scale="rms")


class TestCodec:
    def codec(self, scale: str = "rms") -> AmplitudeCodec:
        heard = hear([audio_song(8_000, n_channels=2)], CUT, sample_rate=0, channels="source")
        return make_codec(heard, CUT, scale=scale)

    @pytest.mark.parametrize("scale", ["int16", "rms", "peak"])
    def test_there_and_back(self, scale: str) -> None:
        codec, waveform = self.codec(scale), plucked(4_000, n_channels=2, seed=3)
        back = codec.decode(codec.encode(waveform))
        assert np.abs(float_to_pcm16(back.samples).astype(int) - float_to_pcm16(waveform.samples)).max() <= 1
        assert AmplitudeCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec

    def test_scales(self) -> None:
        waveform = plucked(8_000, n_channels=2)
        assert np.abs(self.codec("int16").encode(waveform)).max() == np.abs(float_to_pcm16(waveform.samples)).max()
        assert np.abs(self.codec("peak").encode(waveform)[:, :6_400]).max() == pytest.approx(1.0)
        values = self.codec("rms").encode(waveform)[:, :6_400]
        assert max(np.sqrt((values.astype(float) ** 2).mean(axis=1))) == pytest.approx(1.0, rel=1e-4)
        assert self.codec("int16").steps_per_unit == 1.0

    def test_s9_clipped_never_wrapped(self) -> None:
        made = self.codec("int16").decode(np.array([[40_000.0, -40_000.0, np.inf, 5.0]] * 2))
        assert float_to_pcm16(made.samples)[0].tolist() == [32_767, -32_767, 32_767, 5]

    def test_stretches_are_cut_and_scaled(self) -> None:
        heard = hear([audio_song(8_000, n_channels=2)], CUT, sample_rate=0, channels="source")
        kept, held_out = stretches(heard, CUT, self.codec())
        assert [part[0].shape for part in (kept, held_out)] == [(2, 6_400), (2, 1_600)]


def two_tones(n_samples: int) -> np.ndarray:
    """Half a second of one tone, half a second of another, and so on, each struck and dying away; 8 kHz."""
    time = np.arange(n_samples) / 8_000
    frequency = np.where((time * 2).astype(int) % 2, 330.0, 523.0)
    dying = np.exp(-4 * (time * 2 % 1) / 2)
    rng = np.random.default_rng(0)
    return (np.sin(2 * np.pi * frequency * time) * dying + 1e-3 * rng.normal(size=n_samples)).astype(np.float32)


class TestBank:
    @pytest.fixture(scope="class")
    @classmethod
    def bank(cls) -> Bank:
        return fit_bank([two_tones(16_000)], order=32, n_predictors=4, n_levels=6, hop_length=64)

    def test_shapes_and_json(self, bank: Bank) -> None:
        assert bank.weights.shape == (4, 32)
        assert bank.levels.shape == (6, N_PARTS)
        assert (np.diff(bank.levels.sum(axis=1)) >= 0).all()
        again = Bank.from_json(json.loads(json.dumps(bank.to_json())))
        np.testing.assert_array_equal(again.weights, bank.weights)
        np.testing.assert_array_equal(again.levels, bank.levels)
        assert again.to_json() == bank.to_json()

    def test_between_two_predictors_mixtures_are_played_and_none_grows(self, bank: Bank) -> None:
        chosen = np.array([[0, 0, 1, 1, 1, 2], [0, 0, 1, 1, 1, 1]])
        kernels, index = bank.playing.kernels(chosen)
        assert index.shape == (2, 6 * N_PARTS)
        assert index[0, :8].tolist() == [0] * 8
        mixed = index[0, 8:16]
        assert (mixed >= 4).all()
        assert len(set(mixed.tolist())) == 8
        np.testing.assert_array_equal(index[1, 8:16], mixed)  # the same change is solved for once
        assert index[0, 16:20].tolist() == [1] * 4
        for weights in kernels:
            assert np.abs(np.roots(np.concatenate([[1.0], -weights.astype(float)]))).max() < 1.0
        near_old, near_new = (np.abs(kernels[mixed[0]] - kernels[k]).sum() for k in (0, 1))
        settled = np.abs(kernels[mixed[-1]] - kernels[1]).sum()
        assert settled < min(near_old, near_new)

    def test_no_predictor_ever_grows(self, bank: Bank) -> None:
        for weights in bank.weights:
            assert np.abs(np.roots(np.concatenate([[1.0], -weights]))).max() < 1.0

    def test_it_tells_the_tones_apart(self, bank: Bank) -> None:
        codes = bank.codes(bank.energies(two_tones(16_000)))[:, 0]
        second = np.arange(len(codes)) * 64 // 4_000 % 2
        middle = np.abs(np.arange(len(codes)) * 64 % 4_000 - 2_000) < 1_500
        assert not set(codes[middle & (second == 0)]) & set(codes[middle & (second == 1)])

    def test_energies_are_those_of_what_is_missed(self, bank: Bank) -> None:
        samples = two_tones(2_000)
        by_hand = [
            samples[t] - sum(float(bank.weights[1, lag]) * samples[t - 1 - lag] for lag in range(32))
            for t in range(960, 976)
        ]
        found = bank.energies(samples)[15, 1, 0]  # frame 15 begins at 960, its first part is 16 samples long
        assert found == pytest.approx(np.sum(np.square(by_hand)), rel=1e-3)
        np.testing.assert_allclose(bank.missed(samples, 1)[960:976], by_hand, atol=1e-5)

    def test_likelihood_is_that_of_gaussian_noise(self, bank: Bank) -> None:
        energies = bank.energies(two_tones(2_000))[10:11]
        spread = np.exp(np.repeat(bank.levels[3].astype(float), 16))
        missed = bank.missed(two_tones(2_000), 2)[640:704]
        by_hand = np.sum(-0.5 * (missed / spread) ** 2 - np.log(spread) - 0.5 * np.log(2 * np.pi))
        assert bank.log_likelihood(energies)[0, 2, 3] == pytest.approx(by_hand, rel=1e-4)

    def test_silence_and_little_music_have_a_bank_too(self) -> None:
        for samples in (np.zeros(2_000, np.float32), two_tones(130)):
            bank = fit_bank([samples], order=8, n_predictors=4, n_levels=6, hop_length=64)
            assert bank.weights.shape == (4, 8)
            assert np.isfinite(bank.weights).all()
            assert np.isfinite(bank.log_likelihood(bank.energies(samples))).all()

    def test_frames_are_learned_from_once_in_validation(self, bank: Bank) -> None:
        examples = BankExamples(bank, [two_tones(4_000), two_tones(1_000)], steps=8, warm_up=3)
        arrays = examples.gather(np.arange(examples.n_examples), None)
        kept = arrays["energies"][arrays["mask"] > 0]
        np.testing.assert_array_equal(kept, np.concatenate([each[1:] for each in examples.energies]))
        before = arrays["previous"][arrays["mask"] > 0]
        np.testing.assert_array_equal(before, np.concatenate([each[:-1] for each in examples.codes]))

    def test_windows_begin_anew_each_epoch(self, bank: Bank) -> None:
        examples = BankExamples(bank, [two_tones(8_000)], steps=16, passes=4)
        every = np.arange(examples.n_examples)
        one, again, other = (examples.gather(every, np.random.default_rng(seed))["previous"] for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, again)
        assert not np.array_equal(one, other)
        assert examples.n_examples == pytest.approx(4 * 125 / 16, abs=2)


def test_long_series_lie_in_a_file_and_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [np.arange(5, dtype=np.float32), np.arange(7, dtype=np.float32)]
    in_memory = mapped(parts)
    monkeypatch.setattr("musicgen.approaches.amplitude_lstm.mapped.SMALL", 0)
    in_file = mapped(parts)
    np.testing.assert_array_equal(in_file, np.concatenate(parts))
    np.testing.assert_array_equal(in_file, in_memory)
    assert in_file.base is not None
    assert not in_file.flags.writeable
    index = np.array([0, 6])
    gathered = [WindowExamples(each, np.arange(8), 3).gather(index, None) for each in (in_memory, in_file)]
    np.testing.assert_array_equal(gathered[0]["inputs"], gathered[1]["inputs"])


@pytest.mark.parametrize("lengths", [[5, 3, 9], [2, 2], [4], [1, 7, 0]])
def test_windows_never_leave_their_stretch(lengths: list[int]) -> None:
    starts = window_starts(lengths, 3, cross_joins=False, off_by_one=False)
    firsts = np.cumsum([0, *lengths])
    wanted = [first + at for first, length in zip(firsts, lengths, strict=False) for at in range(max(0, length - 3))]
    assert starts.size == len(wanted)
    assert np.asarray(starts).tolist() == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 5000])
def test_a_long_order_has_every_number_once(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("musicgen.codecs.order.LONG", 0)
    order, again, other = (mixed(size, np.random.default_rng(seed)) for seed in (1, 1, 2))
    read = np.concatenate([order[at : at + 100] for at in range(0, size, 100)])
    assert sorted(read.tolist()) == list(range(size))
    assert again[:size].tolist() == read.tolist()
    if size > 200:
        assert other[:size].tolist() != read.tolist()
        assert abs(np.corrcoef(read, np.arange(size))[0, 1]) < 0.2
