"""What linear prediction expects of the next sample: found from a sound, heard by the network and by its sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.forecasts import (
    LEAST_ERROR,
    Foretold,
    LinearForecast,
    level_nats,
    level_samples,
)
from musicgen.approaches.audio_wavenet.mu_law import samples_to_mu_law
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order
from musicgen.contract.parameters import read_parameters
from tests.makers_music import audio_song, song

pytestmark = pytest.mark.numeric

KIND = approach("audio_wavenet")
FORECAST = LinearForecast.at(8_000)
TOLD = {"conditioning": "harmony_and_loudness", "linear_prediction": True}


def values(**changed: Any) -> Any:
    return read_parameters(KIND.Training, {**KIND.tiny.training, "sample_rate": 8_000, **TOLD, **changed})


def chord(n_samples: int, *, hertz: tuple[float, ...] = (220.0, 277.2, 1_318.5), noise: float = 0.0) -> np.ndarray:
    clock, rng = np.arange(n_samples) / 8_000, np.random.default_rng(0)
    tones = sum(np.sin(2 * np.pi * each * clock + each) for each in hertz)
    return (0.1 * tones + noise * rng.standard_normal(n_samples)).astype(np.float32)


class TestForecasts:
    def test_a_chord_is_expected_to_go_on(self) -> None:
        sound = chord(4_000)[None]
        foretold = FORECAST.foretell(sound)
        inside = sound[:, FORECAST.margin - FORECAST.order : -FORECAST.margin]
        missing = -inside[:, FORECAST.order :].shape[1] % FORECAST.hop
        expected = FORECAST.expected(np.pad(inside, ((0, 0), (0, missing))), foretold.factors)
        off = expected[:, : inside.shape[1] - FORECAST.order] - inside[:, FORECAST.order :]
        assert np.abs(off).mean() < 0.02 * np.abs(inside).mean()
        assert foretold.errors.mean() == pytest.approx(np.abs(off).mean(), rel=0.05)

    def test_noise_is_as_far_off_as_it_is_loud(self) -> None:
        sound = chord(16_000, noise=0.02)[None]
        deviation = 0.02 * np.sqrt(2 / np.pi)  # mean of what is normally distributed, without its sign
        assert FORECAST.foretell(sound).errors.mean() == pytest.approx(deviation, rel=0.2)

    def test_silence_is_expected_to_stay_silent(self) -> None:
        foretold = FORECAST.foretell(np.zeros((1, 4_000), dtype=np.float32))
        assert np.abs(foretold.factors).max() < 1e-6
        assert foretold.errors == pytest.approx(LEAST_ERROR)

    def test_a_frame_is_foretold_alike_in_any_excerpt(self) -> None:
        sound, first = chord(8_000, noise=0.01)[None], 10 * FORECAST.hop
        whole, part = FORECAST.foretell(sound), FORECAST.foretell(sound[:, first : first + 4_000])
        for all_of_it, some in zip(whole, part, strict=True):
            n_frames = some.shape[1] - 1  # the last one ends in the excerpt
            np.testing.assert_allclose(all_of_it[:, 10 : 10 + n_frames], some[:, :n_frames], atol=1e-5)

    def test_whatever_is_expected_all_levels_together_are_certain(self) -> None:
        for expected, error in ((0.0, LEAST_ERROR), (0.3, 0.01), (-0.9, 0.02)):
            told = np.tile(np.array([[expected, error]], dtype=np.float32), (256, 1))
            chances = np.exp(-level_nats(np.arange(256, dtype=np.int32), told))
            assert chances.sum() == pytest.approx(1.0)
            assert level_samples()[0][chances.argmax()] == pytest.approx(expected, abs=0.03)

    def test_higher_rates_look_back_as_long_up_to_a_limit(self) -> None:
        assert [LinearForecast.at(rate).order for rate in (8_000, 16_000, 48_000)] == [256, 512, 512]


class TestNetwork:
    def test_the_sampler_says_what_the_network_says(self) -> None:
        """With the past in rings against everything heard anew, and in calls that end within a frame."""
        from musicgen.approaches.audio_wavenet.network import build_audio_wavenet
        from musicgen.approaches.audio_wavenet.sampler import RawAudioSampler

        forecast, length, rng = LinearForecast(24, 130, 10), 300, np.random.default_rng(0)
        sizes = RawAudioSizes(256, 0, 8, 12, 3, 3, 2, 3, has_forecast=True)
        model = build_audio_wavenet(sizes)
        assert model.count_params() == sizes.parameters
        for weights in model.weights:
            weights.assign(rng.normal(size=weights.shape) * 0.3)
        sound = chord(2 * (length + 2 * forecast.margin), noise=0.02).reshape(2, -1)
        foretold = forecast.foretell(sound)
        ids = samples_to_mu_law(sound[:, forecast.margin : -forecast.margin], 256).astype(np.int32)
        told = rng.normal(size=(2, length, 3)).astype(np.float32)

        kept = np.zeros((length, 2, 256), dtype=np.float32)
        sampler = RawAudioSampler(model, sizes, 2, forecast.order)
        for begin, end in ((0, 37), (37, 200), (200, length)):
            some = slice(begin, end)
            now = (foretold.factors.transpose(1, 0, 2), foretold.errors.T, np.arange(begin, end) // forecast.hop)
            given, condition = ids[:, some].T.copy(), told[:, some].transpose(1, 0, 2)
            sampler.run(given, None, condition, kept=kept[some], foretold=now)

        field = sizes.receptive_field
        line = np.concatenate([np.full((2, field), sizes.silence), ids], axis=1)
        before = np.full((2, forecast.order), level_samples()[0][sizes.silence])
        heard = np.concatenate([before, level_samples()[0][ids]], axis=1).astype(np.float32)
        quiet = np.tile([0.0, LEAST_ERROR], (2, field - 2, 1))
        shown = np.concatenate([quiet, forecast.forecasts(heard, foretold)], axis=1)
        all_told = np.concatenate([np.zeros((2, field - 2, 3)), told], axis=1)
        wanted = np.asarray(model([line[:, :-1], all_told, shown]))
        np.testing.assert_allclose(kept.transpose(1, 0, 2), wanted, rtol=1e-5, atol=1e-3)

    def test_a_network_that_knows_nothing_else_is_at_the_floor(self) -> None:
        from musicgen.approaches.audio_wavenet.network import LEVEL_OBJECTIVE

        tune = song(Waveform(chord(16_000, noise=0.01)[None], 8_000))
        prepared = KIND.prepare([tune], values(validation_share=0.25))
        model = KIND.build(prepared.codec, values()).models["sound"]
        for weights in model.get_layer("logits").weights:
            weights.assign(np.zeros(weights.shape))
        arrays = prepared.validation.gather(np.arange(prepared.validation.n_examples), None)
        batch = {**arrays, "weight": np.ones(len(arrays["target"]), dtype=np.float32)}
        bits, weight = np.asarray(LEVEL_OBJECTIVE.sums(model, batch, training=False))
        assert bits / weight == pytest.approx(prepared.floors["linear_prediction"], rel=1e-4)
        assert bits / weight < prepared.floors["order_2"]

    def test_noise_on_the_input_is_not_in_the_forecast(self) -> None:
        tune = [audio_song(16_000)]
        plain, noisy = (KIND.prepare(tune, values(gain_db=0.0, heard_noise=noise)).training for noise in (0.0, 5.0))
        one, other = (each.gather(np.arange(3), np.random.default_rng(0)) for each in (plain, noisy))
        np.testing.assert_array_equal(one["target"], other["target"])
        np.testing.assert_array_equal(one["forecast"], other["forecast"])
        assert (one["inputs"] != other["inputs"]).any()

    def test_a_batch_that_is_filled_up_with_nothing_has_a_finite_loss(self) -> None:
        prepared = KIND.prepare([audio_song(16_000)], values())
        arrays = prepared.training.gather(np.arange(2), np.random.default_rng(0))
        model = KIND.build(prepared.codec, values()).models["sound"]
        empty = [np.zeros_like(arrays[name]) for name in ("inputs", "condition", "forecast")]
        assert np.isfinite(np.asarray(model(empty))).all()


class TestPieces:
    """Of a network that has learned nothing: what is heard is what it is told."""

    def made(self, tune: Any, seconds: float = 3.0, **generation: Any) -> list[Made]:
        prepared = KIND.prepare([tune], values())
        network = KIND.build(prepared.codec, values())
        for weights in network.models["sound"].get_layer("logits").weights:
            weights.assign(np.zeros(weights.shape))
        chosen = read_parameters(KIND.Generation, {"seconds": seconds, "prompt_seconds": 0.5, **generation})
        return list(KIND.generate(network, prepared.codec, values(), Order(chosen, (0, 1), (tune,))))

    @pytest.mark.parametrize("noise", [0.0, 0.003])
    def test_they_have_the_tones_and_the_loudness_of_the_song(self, noise: float) -> None:
        """Steady tones, which neither die away nor grow with the noise that mu-law adds to each sample."""
        tune = song(Waveform(chord(48_000, noise=noise)[None], 8_000))
        for piece in self.made(tune):
            heard = piece.content.samples[0]
            spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
            hertz = np.fft.rfftfreq(heard.size, 1 / 8_000)
            for tone in (220.0, 277.2, 1_318.5):
                near = np.abs(hertz - tone) < 15
                assert spectrum[near].max() > 30 * np.median(spectrum)
            level = 10 * np.log10((heard**2).mean() / (0.5 * 3 * 0.1**2))
            assert abs(level) < 4

    def test_a_prompt_of_no_whole_frame_and_silence_after_the_song_are_played(self) -> None:
        tune = song(Waveform(chord(12_000)[None], 8_000))
        for prompt in (0.0, 0.004, 0.5037):
            (piece, _) = self.made(tune, 1.0, plan="song", prompt_seconds=prompt, start_seconds=0.9)
            heard = piece.content.samples[0]
            assert heard.size == 8_000
            assert np.isfinite(heard).all()
            quiet = heard[-1_000:]
            assert np.abs(quiet).max() < 0.01 if prompt else np.abs(quiet).max() < 1.0

    def test_the_forecast_of_a_prompt_ends_where_the_prompt_does(self) -> None:
        from musicgen.approaches.audio_wavenet.beginning import Beginning
        from musicgen.approaches.audio_wavenet.telling import Teller

        wave = chord(16_000, noise=0.01)
        tune, codec = song(Waveform(wave[None], 8_000)), RawAudioCodec(8_000, 256, 0.1)
        chosen = read_parameters(
            KIND.Generation, {"seconds": 0.5, "prompt_seconds": 0.3, "start_seconds": 0.7, "plan": "song"}
        )
        teller = Teller(codec, "harmony_and_loudness", FORECAST, Order(chosen, (0,), (tune,)))
        told = teller.tell(Beginning(codec, chosen, tune, 0), 4_000, 0)
        padded = np.pad(wave, (FORECAST.margin, FORECAST.margin))[None]
        whole: Foretold = FORECAST.foretell(padded)
        before, after = told.foretold_before.all_frames, told.foretold_after.all_frames
        assert (len(before.errors), len(after.errors)) == (30, 50)
        np.testing.assert_allclose(before.factors, whole.factors[0, 70:100], atol=1e-4)
        np.testing.assert_allclose(after.errors, whole.errors[0, 100:150], atol=1e-4)

    def test_a_piece_is_the_same_alone_and_in_company(self) -> None:
        tune, tiny = song(Waveform(chord(24_000, noise=0.01)[None], 8_000)), values()
        prepared = KIND.prepare([tune], tiny)
        network = KIND.build(prepared.codec, tiny, seed=1)
        chosen = read_parameters(KIND.Generation, {"seconds": 0.5, "prompt_seconds": 0.2})

        def made(seeds: tuple[int, ...]) -> list[Made]:
            return list(KIND.generate(network, prepared.codec, tiny, Order(chosen, seeds, (tune,))))

        together = made((3, 4, 5))
        for seed, piece in zip((3, 4, 5), together, strict=True):
            (alone,) = made((seed,))
            np.testing.assert_array_equal(alone.content.samples, piece.content.samples)

    def test_a_song_shorter_than_its_prompt_is_foretold_to_its_end(self) -> None:
        from musicgen.approaches.audio_wavenet.beginning import Beginning
        from musicgen.approaches.audio_wavenet.telling import Teller

        wave = chord(8_000, noise=0.01)
        tune, codec = song(Waveform(wave[None], 8_000)), RawAudioCodec(8_000, 256, 0.1)
        chosen = read_parameters(KIND.Generation, {"seconds": 0.5, "prompt_seconds": 3.0})
        begin = Beginning(codec, chosen, tune, 0)
        assert begin.levels.size == 8_000
        teller = Teller(codec, "harmony_and_loudness", FORECAST, Order(chosen, (0,), (tune,)))
        before = teller.tell(begin, 4_000, 0).foretold_before.all_frames
        whole = FORECAST.foretell(np.pad(wave, (FORECAST.margin, FORECAST.margin))[None])
        np.testing.assert_allclose(before.errors, whole.errors[0], atol=1e-4)

    def test_a_long_piece_is_foretold_part_by_part(self) -> None:
        from musicgen.approaches.audio_wavenet.foretelling import FRAMES_AT_ONCE, Foreteller, Part, side_by_side

        asked: list[Part] = []

        def find(part: Part) -> Foretold:
            asked.append(part)
            frames = np.arange(round(part.start * 100), round(part.start * 100) + part.n_frames, dtype=np.float32)
            return Foretold(np.repeat(frames[None, :, None], 4, axis=2), frames[None], -frames[None])

        parts = [Part(audio_song(100), 2.0, 120), Part(audio_song(100), 10.0, 2 * FRAMES_AT_ONCE + 10)]
        teller = Foreteller(find, parts, 0.01)
        heard = [teller.frames(first, first + 7).errors for first in range(0, 721, 7)]
        wanted = [*range(200, 320), *range(1_000, 1_610)]
        assert np.concatenate(heard).tolist() == wanted[:721]
        assert [each.n_frames for each in asked] == [120, FRAMES_AT_ONCE, FRAMES_AT_ONCE, 10]
        assert len(teller._found) <= 2

        short, none = Foreteller(find, [Part(audio_song(100), 0.0, 3)], 0.01), Foreteller(find, [], 0.01)
        beside = side_by_side([short.all_frames, none.all_frames, teller.frames(725, 730)])
        assert beside.errors.tolist() == [[0, 0, 0, 1, 2], [0] * 5, [1_605, 1_606, 1_607, 1_608, 1_609]]
        assert beside.factors.shape == (3, 5, 4)
