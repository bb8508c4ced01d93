"""Levels, envelopes, spectra, mixing and resampling: numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.audio.envelopes import (
    COARSE_ENOUGH,
    FINEST,
    EnvelopeBuilder,
    choose_bucket,
    envelope_of_level,
    envelope_of_samples,
)
from musicgen.audio.levels import LevelMeter, measure_levels, peak_db, rms_db, silence_share
from musicgen.audio.mixing import left_out, stereo_matrix
from musicgen.audio.resampling import resample
from musicgen.audio.spectra import (
    MAX_COLUMNS,
    SpectrogramBuilder,
    bytes_to_level,
    frame_length,
    level_to_bytes,
    power_to_db,
    sampled_stretch,
    stored_stretch,
)
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from tests.makers_audio import noise_pcm, sine

pytestmark = pytest.mark.numeric

RATE = 44_100


# --- levels ---------------------------------------------------------------------------------------------------------


def test_levels_of_a_sine() -> None:
    waveform = Waveform(sine(1.0, peak=0.5), RATE)
    assert rms_db(waveform) == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.01)
    assert peak_db(waveform) == pytest.approx(-6.02, abs=0.01)
    assert silence_share(waveform) == 0.0


@pytest.mark.parametrize("n_samples", [0, 1, 100_000])
def test_silence_has_levels(n_samples: int) -> None:
    levels = measure_levels(Waveform(np.zeros((2, n_samples), np.float32), RATE))
    assert levels == {"rms_db": -120.0, "peak_db": -120.0, "silence_share": 1.0}


def test_the_share_of_silence_is_of_the_time() -> None:
    samples = np.concatenate([sine(1.0), np.zeros((1, 3 * RATE), np.float32)], axis=1)
    assert silence_share(Waveform(samples, RATE)) == pytest.approx(0.75, abs=0.01)
    assert silence_share(Waveform(sine(1.0, peak=0.0005), RATE)) == 1.0  # -69 dB
    assert silence_share(Waveform(sine(1.0, peak=0.01), RATE)) == 0.0  # -43 dB


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=8))
def test_pieces_have_the_levels_of_the_whole(sizes: list[int]) -> None:
    samples = pcm16_to_float(noise_pcm(max(sum(sizes), 2), n_channels=2)) * np.float32(0.25)
    meter = LevelMeter(8_000)
    for start, size in zip(np.cumsum([0, *sizes]), [*sizes, samples.shape[1]], strict=True):
        meter.add(samples[:, start : start + size])
    assert meter.levels() == pytest.approx(measure_levels(Waveform(samples, 8_000)))


# --- envelopes ------------------------------------------------------------------------------------------------------


def build(samples: np.ndarray, piece: int) -> EnvelopeBuilder:
    builder = EnvelopeBuilder(len(samples))
    for start in range(0, samples.shape[1], piece):
        builder.add(samples[:, start : start + piece])
    return builder


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 2_000_000])
def test_no_zoom_level_loses_a_peak(n_samples: int) -> None:
    samples = pcm16_to_float(noise_pcm(max(n_samples, 2), n_channels=2))[:, :n_samples] * np.float32(0.5)
    samples[0, n_samples // 2] = 1.0
    for level in build(samples, 65_536).levels():
        assert level.low.shape == level.high.shape == (2, -(-n_samples // level.bucket))
        np.testing.assert_array_equal(level.low.min(axis=1), float_to_pcm16(samples.min(axis=1)))
        np.testing.assert_array_equal(level.high.max(axis=1), float_to_pcm16(samples.max(axis=1)))
    assert level.low.shape[1] <= COARSE_ENOUGH


def test_buckets_are_where_their_samples_are() -> None:
    samples = np.zeros((1, 10 * FINEST + 100), np.float32)
    samples[0, 3 * FINEST] = 0.5
    samples[0, 10 * FINEST + 99] = -0.5
    (level,) = build(samples, 700).levels()
    assert np.flatnonzero(level.high[0]).tolist() == [3]
    assert np.flatnonzero(level.low[0]).tolist() == [10]


@settings(max_examples=40, deadline=None)
@given(start=st.integers(0, 300_000), length=st.integers(1, 300_000), n_points=st.integers(1, 400))
def test_a_stretch_from_a_level_encloses_its_samples(start: int, length: int, n_points: int) -> None:
    samples = ENVELOPED[:, start : start + length]
    stop = start + samples.shape[1]
    bucket = choose_bucket([level.bucket for level in LEVELS], stop - start, n_points)
    exact = envelope_of_samples(samples, start, n_points, RATE)
    assert exact.low.shape[1] == min(n_points, stop - start)
    assert exact.high.max() == samples.max()
    if bucket is None:
        assert (stop - start) < FINEST * n_points
        return
    level = next(level for level in LEVELS if level.bucket == bucket)
    envelope = envelope_of_level(level, start, stop, n_points, RATE)
    assert envelope.low.shape == envelope.high.shape == (1, envelope.time.size)
    assert envelope.time.size <= n_points
    assert (np.diff(envelope.time) > 0).all()
    assert start / RATE <= envelope.time[0] <= envelope.time[-1] <= stop / RATE
    assert envelope.low.min() <= samples.min()
    assert envelope.high.max() >= samples.max()


ENVELOPED = pcm16_to_float(noise_pcm(600_000, seed=3))
LEVELS = build(ENVELOPED, 50_000).levels()


def test_zoomed_in_far_enough_the_envelope_is_the_waveform() -> None:
    samples = sine(0.01, n_channels=2)
    envelope = envelope_of_samples(samples, 1_000, 500, RATE)
    np.testing.assert_array_equal(envelope.low, samples)
    np.testing.assert_array_equal(envelope.high, samples)
    np.testing.assert_allclose(envelope.time, (1_000 + np.arange(441)) / RATE)


def test_no_samples_have_an_empty_envelope() -> None:
    envelope = envelope_of_samples(np.zeros((2, 0), np.float32), 0, 100, RATE)
    assert envelope.time.size == 0
    assert envelope.low.shape == envelope.high.shape == (2, 0)
    assert EnvelopeBuilder(2).levels()[0].low.shape == (2, 0)


# --- spectra --------------------------------------------------------------------------------------------------------


def spectrogram_arrays(samples: np.ndarray, sample_rate: int, piece: int = 65_536) -> dict[str, np.ndarray]:
    builder = SpectrogramBuilder(sample_rate, len(samples))
    for start in range(0, samples.shape[1], piece):
        builder.add(samples[:, start : start + piece])
    return builder.arrays()


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("frequency", [110.0, 440.0, 3_520.0])
def test_a_sine_is_in_its_band_at_its_level(sample_rate: int, frequency: float) -> None:
    samples = sine(2.0, frequency=frequency, sample_rate=sample_rate, peak=0.1)
    picture = stored_stretch(spectrogram_arrays(samples, sample_rate), 0.0, 2.0, 800)
    middle = picture.level_db[:, picture.level_db.shape[1] // 2]
    band = int(np.argmax(middle))
    assert abs(12 * np.log2(picture.frequency[band] / frequency)) <= (1.01 if frequency < 200 else 0.01)
    assert middle[band] == pytest.approx(-20.0, abs=2.5)
    assert middle[np.abs(np.log2(picture.frequency / frequency)) > 1].max() < -60


def test_stored_and_sharp_spectrograms_agree() -> None:
    samples = sine(4.0, n_channels=2, peak=0.5)
    samples[:, : 2 * RATE] *= 0.01
    arrays = spectrogram_arrays(samples, RATE)
    pcm = np.ascontiguousarray(float_to_pcm16(samples).T)
    for start, stop in ((0.5, 1.5), (2.5, 3.5)):
        stored = stored_stretch(arrays, start, stop, 800)
        sharp = sampled_stretch(pcm, RATE, int(start * RATE), int(stop * RATE), 800)
        np.testing.assert_array_equal(stored.frequency, sharp.frequency)
        loud = stored.level_db.max(axis=1) > -60
        np.testing.assert_allclose(stored.level_db[loud].mean(axis=1), sharp.level_db[loud].mean(axis=1), atol=1.0)
        assert start <= sharp.time[0] < sharp.time[-1] <= stop


def test_a_click_is_at_its_time_in_both() -> None:
    samples = np.zeros((1, 4 * RATE), np.float32)
    samples[0, round(2.5 * RATE)] = 1.0
    stored = stored_stretch(spectrogram_arrays(samples, RATE, 10_007), 0.0, 4.0, 800)
    assert stored.time[np.argmax(stored.level_db.mean(axis=0))] == pytest.approx(2.5, abs=0.05)
    sharp = sampled_stretch(np.ascontiguousarray(float_to_pcm16(samples).T), RATE, 0, 4 * RATE, 800)
    assert sharp.time[np.argmax(sharp.level_db.mean(axis=0))] == pytest.approx(2.5, abs=0.01)


@pytest.mark.parametrize("sample_rate", [10, 100, 1_000])
def test_very_low_sample_rates_have_a_picture(sample_rate: int) -> None:
    arrays = spectrogram_arrays(pcm16_to_float(noise_pcm(5 * sample_rate)), sample_rate)
    assert arrays["level"].shape[1] > 0
    assert np.isfinite(stored_stretch(arrays, 0.0, 5.0, 10).level_db).all()


def test_left_and_right_never_cancel() -> None:
    samples = np.concatenate([sine(1.0), -sine(1.0)])
    picture = stored_stretch(spectrogram_arrays(samples, RATE), 0.0, 1.0, 800)
    assert picture.level_db.max() > -10


@pytest.mark.parametrize("n_samples", [1, 100, 2_048, 2_049, 44_100])
def test_every_sound_has_columns_for_all_of_its_time(n_samples: int) -> None:
    arrays = spectrogram_arrays(pcm16_to_float(noise_pcm(max(n_samples, 2)))[:, :n_samples], RATE)
    hop = frame_length(RATE) // 2
    assert arrays["level"].shape[1] == -(-n_samples // hop)
    assert arrays["level"].max() > 0


def test_pieces_make_the_picture_of_the_whole() -> None:
    samples = pcm16_to_float(noise_pcm(200_000, n_channels=2))
    whole = spectrogram_arrays(samples, RATE, 200_000)
    for piece in (4_096, 10_007, 65_536):
        np.testing.assert_array_equal(spectrogram_arrays(samples, RATE, piece)["level"], whole["level"])


def test_columns_are_bounded_and_keep_their_time() -> None:
    hop = frame_length(8_000) // 2
    n_samples = int(2.6 * MAX_COLUMNS) * hop
    samples = np.zeros((1, n_samples), np.float32)
    click = int(0.7 * n_samples)
    samples[0, click : click + 4 * hop] = 0.5
    arrays = spectrogram_arrays(samples, 8_000)
    assert MAX_COLUMNS // 2 < arrays["level"].shape[1] <= MAX_COLUMNS
    assert float(arrays["column_seconds"]) == 4 * hop / 8_000
    picture = stored_stretch(arrays, 0.0, n_samples / 8_000, 800)
    assert picture.level_db.shape[1] == 800
    assert picture.time[np.argmax(picture.level_db.max(axis=0))] == pytest.approx(click / 8_000, rel=0.01)


def test_levels_survive_being_bytes() -> None:
    level_db = np.linspace(-120, 0, 1_000).astype(np.float32)
    np.testing.assert_allclose(bytes_to_level(level_to_bytes(level_db)), level_db, atol=0.24)
    assert power_to_db(np.array([0.0, 1e-30, 1.0, 100.0])).tolist() == [-120, -120, 0, 0]


# --- mixing and resampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["wav", "vorbis"])
@pytest.mark.parametrize("n_channels", range(3, 9))
def test_a_mix_never_clips_and_is_balanced(n_channels: int, order: str) -> None:
    matrix = stereo_matrix(n_channels, order)
    assert matrix.shape == (n_channels, 2)
    assert matrix.sum(axis=0).max() == pytest.approx(1.0)
    assert matrix[:, 0].sum() == pytest.approx(matrix[:, 1].sum())
    assert [index + 1 for index in np.flatnonzero(matrix.sum(axis=1) == 0)] == left_out(n_channels, order)


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 48_000, 96_000])
def test_a_sine_at_another_rate_is_that_sine(sample_rate: int) -> None:
    resampled = resample(Waveform(sine(1.0, n_channels=2), RATE), sample_rate)
    expected = sine(1.0, n_channels=2, sample_rate=sample_rate)
    assert resampled.samples.shape == expected.shape
    inner = slice(sample_rate // 10, -sample_rate // 10)
    np.testing.assert_allclose(resampled.samples[:, inner], expected[:, inner], atol=1e-3)


def test_resampling_stays_within_full_scale() -> None:
    square = Waveform(np.sign(sine(0.5)).astype(np.float32), RATE)
    assert np.abs(resample(square, 22_050).samples).max() <= 1.0
    assert resample(square, RATE) is square
