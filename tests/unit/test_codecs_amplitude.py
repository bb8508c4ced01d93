"""Sound as network numbers: windows, stretches and the way back (S1, S8, S9, S12, S13)."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform, float_to_pcm16
from musicgen.codecs.amplitude import AmplitudeCodec, linear_prediction, stable_predictor
from musicgen.codecs.examples import blocks, steps_per_block
from musicgen.codecs.stretches import Cut, hear, make_codec, stretches
from musicgen.codecs.windows import SequenceExamples, WindowExamples, lay_end_to_end, window_starts
from musicgen.errors import InvalidInput
from tests.makers_music import audio_song, plucked, song

CUT = Cut(samples=0, held_out_samples=0, gap=0, seconds=10.0, held_out_share=0.2)


class TestWindows:
    def test_s1_the_authors_windows_and_those_without_their_quirks(self) -> None:
        quirky = window_starts([160_000, 160_000], 3, cross_joins=True, off_by_one=True)
        plain = window_starts([160_000, 160_000], 3, cross_joins=False, off_by_one=False)
        assert quirky.size == 319_996
        assert plain.size == 319_994
        assert quirky[-1] + 3 == 319_998  # the last sample is never a target
        assert plain[-1] + 3 == 319_999
        assert 159_999 in quirky
        assert 159_999 not in plain

    def test_first_window_is_rows_0_1_2_and_its_target_row_3(self) -> None:
        series = np.arange(50, dtype=np.float32)
        examples = WindowExamples(series, np.zeros_like(series), np.arange(10), reach=3, look_back=3)
        arrays = examples.gather(np.array([0, 4]), None)
        assert arrays["inputs"].tolist() == [[[0, 1, 2]], [[4, 5, 6]]]
        assert arrays["target"].tolist() == [[3], [7]]
        as_steps = WindowExamples(series, series, np.arange(10), 3, 3, as_steps=True).gather(np.array([0]), None)
        assert as_steps["inputs"].shape == (1, 3, 1)

    def test_s13_windows_of_two_songs_are_gathered_in_less_than_a_second(self) -> None:
        series = np.random.default_rng(0).normal(size=320_000).astype(np.float32)
        began = time.process_time()
        starts = window_starts([160_000, 160_000], 3, cross_joins=True, off_by_one=True)
        examples = WindowExamples(series, series, starts, 3, 3)
        for block in blocks(examples, 100, steps_per_block(examples, 100, 3200), seed=0, epoch=1):
            assert block.arrays["inputs"].nbytes < 2**24
        assert time.process_time() - began < 1.0

    def test_runs_learn_from_every_sample_that_has_a_past_and_a_full_memory(self) -> None:
        laid = lay_end_to_end([np.arange(100, dtype=np.float32), np.arange(1000, 1057, dtype=np.float32)], ())
        runs = SequenceExamples(*laid, reach=4, steps=20, warm_up=5, look_back=2)
        arrays = runs.gather(np.arange(runs.n_examples), None)
        learned = arrays["target"][arrays["mask"] > 0]
        assert sorted(learned.tolist()) == [*range(9, 100), *range(1009, 1057)]
        np.testing.assert_array_equal(arrays["inputs"][arrays["mask"] > 0][:, -1], learned - 1)
        np.testing.assert_array_equal(arrays["inputs"][arrays["mask"] > 0][:, 0], learned - 2)

    def test_runs_begin_anew_each_epoch_and_stay_inside_their_stretch(self) -> None:
        laid = lay_end_to_end([np.arange(300, dtype=np.float32), np.arange(1000, 1300, dtype=np.float32)], ())
        runs = SequenceExamples(*laid, reach=4, steps=20, warm_up=5, look_back=3)
        every = np.arange(runs.n_examples)
        one, again, other = (runs.gather(every, np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one["target"], again["target"])
        assert not np.array_equal(one["target"], other["target"])
        kept = one["mask"] > 0
        np.testing.assert_array_equal(one["inputs"][kept][:, -1], one["target"][kept] - 1)


class TestBlocks:
    def test_every_example_once_in_an_order_of_seed_and_epoch(self) -> None:
        series = np.arange(60, dtype=np.float32)
        examples = WindowExamples(series, series, np.arange(50), 3, 3)

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
        made = list(blocks(WindowExamples(series, series, np.arange(50), 3, 3), 8, 3, seed=0, epoch=1))
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
            make_codec(hear([silent], CUT, sample_rate=0, channels="mono"), CUT, scale="rms", linear_order=0)


class TestCodec:
    def codec(self, scale: str = "rms", order: int = 0) -> AmplitudeCodec:
        heard = hear([audio_song(8_000, n_channels=2)], CUT, sample_rate=0, channels="source")
        return make_codec(heard, CUT, scale=scale, linear_order=order)

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
        assert self.codec("int16").squared_steps == 1.0

    def test_s9_clipped_never_wrapped(self) -> None:
        made = self.codec("int16").decode(np.array([[40_000.0, -40_000.0, np.inf, 5.0]] * 2))
        assert float_to_pcm16(made.samples)[0].tolist() == [32_767, -32_767, 32_767, 5]

    def test_linear_path(self) -> None:
        codec = self.codec(order=16)
        assert len(codec.linear) == 2
        assert len(codec.linear[0]) == 16
        assert 0 < codec.residual[0] < 0.5  # of what the sound itself measures
        heard = hear([audio_song(8_000, n_channels=2)], CUT, sample_rate=0, channels="source")
        kept, held_out = stretches(heard, CUT, codec)
        assert [part[0].shape for part in (kept, held_out)] == [(2, 6_400), (2, 1_600)]
        expected = linear_prediction(kept[0][0], codec.linear[0])
        by_hand = [np.dot(codec.linear[0], kept[0][0][t - 16 : t][::-1]) for t in (16, 500, 6_399)]
        np.testing.assert_allclose(expected[[16, 500, 6_399]], by_hand, rtol=1e-3, atol=1e-4)


def test_the_linear_predictor_never_grows_on_its_own() -> None:
    rng = np.random.default_rng(0)
    series = np.sin(np.arange(5_000) * 0.3) + 0.01 * rng.normal(size=5_000)
    weights = stable_predictor([series.astype(np.float32)], 64)
    assert np.abs(np.roots(np.concatenate([[1.0], -weights]))).max() < 1.0
    assert stable_predictor([np.zeros(500, np.float32)], 8).tolist() == [0.0] * 8
