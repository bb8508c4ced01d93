"""Sound metrics against sounds whose answers follow from how they are made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput
from musicgen.evaluation import audio, lags, spectral

pytestmark = pytest.mark.numeric

RATE = 22_050


def sine(frequency: float, seconds: float = 2.0, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def noise(seconds: float = 2.0, level: float = 0.1, seed: int = 0, rate: int = RATE) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(0, level, round(seconds * rate))
    return np.clip(samples, -1, 1).astype(np.float32)


def melody(pitches: list[int], seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    """Tones with four overtones and a decay, one after the other."""
    fade = np.exp(-3 * np.arange(round(seconds * rate)) / rate).astype(np.float32)
    tones = [
        fade * sum(sine(440 * 2 ** ((pitch - 69) / 12) * k, seconds, 0.3 / k, rate) for k in range(1, 5))
        for pitch in pitches
    ]
    return np.concatenate(tones)


def mono(samples: np.ndarray, rate: int = RATE) -> Waveform:
    return Waveform(samples, rate)


SILENCE = mono(np.zeros(2 * RATE, np.float32))
TUNE = mono(melody([60, 64, 67, 72, 69, 65, 62, 71]))


def test_levels_of_a_sine():
    described = audio.describe(mono(sine(1000.0)))
    assert described["rms_db"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    assert described["peak_db"] == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert described["silence_share"] == 0.0
    assert described["clipping_share"] == 0.0
    assert described["spectral_centroid"] == pytest.approx(1000.0, rel=0.02)


def test_silence_has_defined_values():
    described = audio.describe(SILENCE)
    assert described == {
        "rms_db": -120.0,
        "peak_db": -120.0,
        "silence_share": 1.0,
        "clipping_share": 0.0,
        "spectral_centroid": 0.0,
        "loop_correlation": 0.0,
        "loop_seconds": 0.0,
        "pattern_correlation": 0.0,
        "pattern_seconds": 0.0,
        "crest_factor_db": 0.0,
        "level_range_db": 0.0,
        "dc_share": 0.0,
        "spectral_flatness": 0.0,
        "stillness": 0.0,
        "clicks_per_minute": 0.0,
        "hiss_db": -60.0,
    }


def test_two_silent_sounds_agree_and_one_silent_sound_does_not():
    assert audio.evaluate(SILENCE, SILENCE)["between"] == {
        "log_spectral_distance_db": 0.0,
        "chroma_correlation": 1.0,
        "best_lag_correlation": 1.0,
        "best_lag_seconds": 0.0,
        "level_difference_db": 0.0,
    }
    for pair in ((SILENCE, TUNE), (TUNE, SILENCE)):
        between = audio.evaluate(*pair)["between"]
        assert between["chroma_correlation"] == between["best_lag_correlation"] == between["best_lag_seconds"] == 0.0
        assert 10 < between["log_spectral_distance_db"] < 100
        assert abs(between["level_difference_db"]) > 90


def test_identical_sounds_have_the_ideal_values():
    between = audio.evaluate(TUNE, TUNE)["between"]
    assert between["log_spectral_distance_db"] == 0.0
    assert between["level_difference_db"] == 0.0
    assert between["best_lag_seconds"] == 0.0
    assert between["chroma_correlation"] == pytest.approx(1.0, abs=1e-9)
    assert between["best_lag_correlation"] == pytest.approx(1.0, abs=1e-5)


def test_an_empty_sound_is_an_error():
    with pytest.raises(InvalidInput, match="an empty generated"):
        audio.evaluate(TUNE, mono(np.zeros(0, np.float32)))


def test_clipping_counts_runs_at_full_scale_not_lone_peaks():
    samples = np.zeros(1000, np.float32)
    samples[10] = samples[20] = samples[21] = 1.0  # peaks that fit
    samples[[30, 31, 32]] = [1.0, -1.0, 1.0]  # no plateau
    assert audio.clipping_share(mono(samples)) == 0.0
    samples[100:104], samples[200:203], samples[-3:] = 1.0, -1.0, 1.0
    assert audio.clipping_share(mono(samples)) == pytest.approx(10 / 1000)


def test_centroid_ignores_pauses_and_cancelled_channels():
    tone = sine(800.0, 1.0)
    with_pause = np.concatenate([tone, noise(1.0, 1e-5)])
    assert audio.spectral_centroid(mono(with_pause)) == pytest.approx(audio.spectral_centroid(mono(tone)), rel=0.05)
    opposite = Waveform(np.stack([tone, -tone]), RATE)
    assert audio.spectral_centroid(opposite) == pytest.approx(800.0, rel=0.02)


def test_brighter_is_higher():
    assert audio.spectral_centroid(mono(noise())) > 4 * audio.spectral_centroid(mono(sine(440.0)))


def test_distance_of_a_level_change_is_that_change():
    loud = mono(noise(level=0.2))
    quiet = mono(noise(level=0.2) * np.float32(0.1))
    assert audio.log_spectral_distance_db(loud, quiet) == pytest.approx(20.0, abs=0.01)
    assert audio.level_difference_db(loud, quiet) == pytest.approx(-20.0, abs=0.01)


def test_distance_is_symmetric_and_grows_with_difference():
    near = mono(TUNE.samples * np.float32(0.9))
    far = mono(noise(TUNE.seconds))
    assert audio.log_spectral_distance_db(TUNE, far) == pytest.approx(audio.log_spectral_distance_db(far, TUNE))
    assert audio.log_spectral_distance_db(TUNE, near) < audio.log_spectral_distance_db(TUNE, far)


def test_distance_is_independent_of_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch):
    other = mono(noise(TUNE.seconds))
    whole = audio.log_spectral_distance_db(TUNE, other)
    monkeypatch.setattr(spectral, "FRAMES_AT_ONCE", 7)
    assert audio.log_spectral_distance_db(TUNE, other) == pytest.approx(whole, rel=1e-6)


def test_chroma_knows_the_pitch_class():
    profile = spectral.chroma_profile(mono(sine(440.0)).samples, RATE, 8192)
    assert profile.sum() == pytest.approx(1.0)
    assert int(np.argmax(profile)) == 9  # A
    assert profile[9] > 0.9


def test_chroma_correlation_hears_notes_not_their_order_or_octave():
    same_notes = mono(melody([67, 60, 72, 64, 71, 62, 65, 69]))
    octave_up = mono(melody([72, 76, 79, 84, 81, 77, 74, 83]))
    other_notes = mono(melody([61, 66, 68, 63, 70, 73, 66, 68]))
    assert audio.chroma_correlation(TUNE, same_notes) > 0.98
    assert audio.chroma_correlation(TUNE, octave_up) > 0.8
    assert audio.chroma_correlation(TUNE, other_notes) < 0.0


@pytest.mark.parametrize("shift", [0, 1, -7, 5000, -12_345])
def test_best_lag_finds_the_shift_to_the_sample(shift: int):
    sound = noise(4.0)
    start = 20_000
    reference = mono(sound[start : start + 3 * RATE - 20_000])
    generated = mono(sound[start - shift : start - shift + 3 * RATE - 20_000] * np.float32(0.3))
    correlation, seconds = audio.find_best_lag(reference, generated)
    assert round(seconds * RATE) == shift
    assert correlation == pytest.approx(1.0, abs=1e-4)


def test_best_lag_of_an_inverted_copy_is_negative():
    assert audio.best_lag_correlation(TUNE, mono(-TUNE.samples)) == pytest.approx(-1.0, abs=1e-4)


def test_best_lag_of_a_periodic_sound_is_the_smallest():
    assert audio.find_best_lag(mono(sine(441.0)), mono(sine(441.0)))[1] == 0.0


def test_best_lag_of_unrelated_sounds_is_near_zero():
    assert abs(audio.best_lag_correlation(mono(noise(seed=1)), mono(noise(seed=2)))) < 0.05


def test_best_lag_compares_channel_by_channel():
    left, right = noise(seed=1), noise(seed=2)
    stereo, swapped = Waveform(np.stack([left, right]), RATE), Waveform(np.stack([right, left]), RATE)
    opposite = Waveform(np.stack([left, -left]), RATE)  # silent in mono
    assert audio.best_lag_correlation(stereo, stereo) == pytest.approx(1.0, abs=1e-4)
    assert abs(audio.best_lag_correlation(stereo, swapped)) < 0.1
    assert audio.best_lag_correlation(opposite, opposite) == pytest.approx(1.0, abs=1e-4)


def test_best_lag_equals_brute_force_over_many_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lags, "BLOCK", 256)
    generator = np.random.default_rng(3)
    one = generator.normal(0, 0.1, (2, 1500)).astype(np.float32)
    other = (np.roll(one, 40, axis=1) * 0.5 + generator.normal(0, 0.1, (2, 1500))).astype(np.float32)
    found = lags.best_lag(one, other, 100)
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (one.astype(float), other.astype(float)))
    expected = {}
    for lag in range(-100, 101):
        p, q = (a[:, : 1500 - lag], b[:, lag:]) if lag >= 0 else (a[:, -lag:], b[:, : 1500 + lag])
        expected[lag] = (p * q).sum() / math.sqrt((p**2).sum() * (q**2).sum())
    best = max(expected, key=lambda lag: abs(expected[lag]))
    assert found == (pytest.approx(expected[best], abs=1e-5), best)
    assert best == 40


def test_a_constant_offset_is_no_correlation():
    assert abs(audio.best_lag_correlation(mono(noise(seed=1) + 0.3), mono(noise(seed=2) + 0.3))) < 0.05


@pytest.mark.parametrize("period", [0.5, 1.0, 1.3])
def test_a_loop_is_found_with_its_period(period: float):
    bar = noise(period)
    correlation, seconds = audio.find_loop(mono(np.tile(bar, round(8 / period))))
    assert correlation > 0.98
    assert seconds == pytest.approx(period, abs=0.01)


def test_a_held_tone_loops_and_music_does_not():
    assert audio.loop_correlation(mono(sine(330.0, 6.0))) > 0.98
    assert audio.loop_correlation(mono(noise(6.0))) < 0.1
    walk = np.random.default_rng(5).integers(50, 80, 16).tolist()
    assert audio.loop_correlation(mono(melody(walk))) < 0.7


def test_a_loop_that_starts_after_a_pause_is_found():
    sound = np.concatenate([np.zeros(3 * RATE, np.float32), np.tile(noise(0.7), 10)])
    assert audio.loop_correlation(mono(sound)) > 0.9


def test_a_short_sound_has_no_loop():
    assert audio.find_loop(mono(sine(330.0, 0.9))) == (0.0, 0.0)


def test_different_rates_lengths_and_channels_are_compared():
    low = mono(melody([60, 64, 67, 72, 69, 65], rate=16_000), 16_000)
    high = melody([60, 64, 67, 72, 69, 65, 62, 71], rate=44_100)
    stereo = Waveform(np.stack([high, high]), 44_100)
    between = audio.evaluate(stereo, low)["between"]
    assert between["best_lag_correlation"] > 0.99
    assert abs(between["best_lag_seconds"]) < 0.001
    assert between["chroma_correlation"] > 0.99
    assert between["log_spectral_distance_db"] < 10


@pytest.mark.parametrize("n_samples", [1, 2, 15, 700, RATE])
def test_short_sounds_have_finite_values(n_samples: int):
    pair = mono(noise(2.0)[:n_samples]), mono(sine(440.0)[:n_samples])
    found = audio.evaluate(*pair)
    assert all(math.isfinite(value) for part in found.values() for value in part.values())


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_extreme_rates_have_finite_values(rate: int):
    sound = mono(melody([60, 67], rate=rate), rate)
    found = audio.evaluate(sound, sound)
    assert found["between"]["best_lag_correlation"] == pytest.approx(1.0, abs=1e-4)
    assert 100 < found["generated"]["spectral_centroid"] < 2_000
