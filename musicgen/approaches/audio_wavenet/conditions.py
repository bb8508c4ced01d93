"""What a network can be conditioned on, every hundredth of a second: the pitch and loudness of a tune, or the harmony
and loudness of any music."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

HOP_SECONDS, WINDOW_SECONDS = 0.01, 0.04
TONE_SECONDS = 0.128  # of the window that tells tones apart; below 200 Hz neighbours sound along
FINER = 4  # the spectrum of tones is that many times finer than its window
AT_ONCE = 1000  # frames
QUIETEST_TONE = 2e-4  # a strongest tone that is weaker than this is not scaled up to 1
BASS_HZ, TREBLE_HZ = 58.0, 256.0  # tones from here on are in the bass, and above it
OCTAVE_EDGES = (0.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)  # Hz
LOWEST_HZ, HIGHEST_HZ = 55.0, 1_000.0
VOICED = 0.5  # least height of the autocorrelation's second peak
QUIET_DB = -60.0


CONDITIONS = {"none": 0, "pitch_and_loudness": 3, "harmony_and_loudness": 2 * 12 + len(OCTAVE_EDGES)}

Samples = NDArray[np.float32]
Frames = NDArray[np.float32]


def describe(samples: Samples, sample_rate: int, conditioning: str) -> Frames:
    """Samples (n_samples,) → (n_samples, CONDITIONS[conditioning]); each number is held for a hundredth of a second."""
    frames = describe_frames(samples, sample_rate, conditioning)
    return np.repeat(frames, hop(sample_rate), axis=0)[: samples.size]


def describe_frames(samples: Samples, sample_rate: int, conditioning: str) -> Frames:
    """Samples (n_samples,) → (n_frames, CONDITIONS[conditioning]), a hundredth of a second each, the last one begun."""
    tell = _pitch_and_loudness if conditioning == "pitch_and_loudness" else _harmony_and_loudness
    return tell(samples.astype(np.float64), sample_rate).astype(np.float32)


def margin(sample_rate: int) -> int:
    """Samples before and after a sound that its description depends on; whole frames."""
    return math.ceil(TONE_SECONDS / 2 / HOP_SECONDS) * hop(sample_rate)


def hop(sample_rate: int) -> int:
    """Samples in a frame."""
    return max(1, round(HOP_SECONDS * sample_rate))


def _pitch_and_loudness(samples: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """(n_frames, 3): loudness (0 at -60 dB, 1 at full scale), pitch (octaves above 220 Hz; 0 where there is none) and
    whether there is one.

    Pitch comes from the lag at which the sound is most like itself (Boersma, 1993: the autocorrelation of a window,
    divided by that of the window's shape).
    """
    frames = _framed(samples, sample_rate, WINDOW_SECONDS)
    loudness = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9)
    pitch, likeness = _pitch(frames, sample_rate)
    is_voiced = (likeness > VOICED) & (loudness > QUIET_DB)
    return np.stack([np.clip(1 - loudness / QUIET_DB, 0, 1), np.where(is_voiced, pitch, 0.0), is_voiced], axis=1)


def _harmony_and_loudness(samples: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """(n_frames, 32): how strong each of the twelve tones is in the bass and above it (the strongest is 1), and how
    loud each octave is (0 at -60 dB, 1 at full scale)."""
    short, long = (_framed(samples, sample_rate, seconds) for seconds in (WINDOW_SECONDS, TONE_SECONDS))
    found = [np.zeros((0, CONDITIONS["harmony_and_loudness"]))]
    for first in range(0, len(short), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        loudness = _band_levels(_spectra(short[some]), *_octaves(short.shape[1], sample_rate))
        tones = _spectra(long[some], FINER * long.shape[1]) @ _tones(FINER * long.shape[1], sample_rate)
        halves = [tones[:, :12], tones[:, 12:]]
        scaled = [each / np.maximum(each.max(axis=1, keepdims=True), QUIETEST_TONE) for each in halves]
        found.append(np.concatenate([*scaled, loudness], axis=1))
    return np.concatenate(found)


def _framed(samples: NDArray[np.float64], sample_rate: int, seconds: float) -> NDArray[np.float64]:
    """Windows of this length around the frames, (n_frames, size)."""
    step, size = hop(sample_rate), round(seconds * sample_rate)
    n_frames = -(-samples.size // step)
    padded = np.pad(samples, (size // 2, n_frames * step - samples.size + size))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[: n_frames * step : step]


def _spectra(frames: NDArray[np.float64], size: int | None = None) -> NDArray[np.float64]:
    """Magnitudes of windows (n, n_samples), with the bins of a window of `size`: that of a sine is half its
    amplitude."""
    window = np.hanning(frames.shape[1])
    return np.abs(np.fft.rfft(frames * window, size)) / window.sum()


def _band_levels(spectra: NDArray[np.float64], firsts: NDArray[np.int64], spread: float) -> NDArray[np.float64]:
    power = np.add.reduceat(np.pad(spectra**2, ((0, 0), (0, 1))), firsts, axis=1)
    return np.clip(1 - 10 * np.log10(2 * power / spread + 1e-12) / QUIET_DB, 0, 1)


@cache
def _octaves(size: int, sample_rate: int) -> tuple[NDArray[np.int64], float]:
    """The first bin of each octave (one beyond the last if there is none), and in how many bins a sine shows up."""
    window = np.hanning(size)
    firsts = np.searchsorted(np.fft.rfftfreq(size, 1 / sample_rate), OCTAVE_EDGES)
    return firsts, float(size * (window**2).sum() / window.sum() ** 2)


@cache
def _tones(size: int, sample_rate: int) -> NDArray[np.float64]:
    """Weights of the bins in each tone of the octave, (n_bins, 24): in the bass, and above it."""
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)
    semitones = 12 * np.log2(hertz / 440.0)
    away = (semitones[:, None] - np.arange(12) + 6) % 12 - 6
    near = np.exp(-0.5 * (away / 0.5) ** 2)
    is_bass = (hertz >= BASS_HZ) & (hertz < TREBLE_HZ)
    treble = np.where((hertz >= TREBLE_HZ) & (hertz < 5_000.0), TREBLE_HZ / hertz, 0.0)  # overtones count less
    weights = np.concatenate([near * is_bass[:, None], near * treble[:, None]], axis=1)
    return weights / weights.sum(axis=0)


def _pitch(frames: NDArray[np.float64], sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(octaves above 220 Hz, height of the peak) of each frame."""
    size = frames.shape[1]
    window = np.hanning(size)
    shape = _autocorrelation(window[None])[0]
    own = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    first, last = int(sample_rate / HIGHEST_HZ), min(int(sample_rate / LOWEST_HZ), size // 2)
    likeness = own[:, first:last] / np.maximum(own[:, :1], 1e-12) / (shape[first:last] / shape[0])
    # Favour short lags a little, so that a tone is not taken for one an octave lower.
    best = np.argmax(likeness - 0.02 * np.log2(np.arange(first, last)), axis=1)
    height = likeness[np.arange(len(frames)), best]
    return np.log2(sample_rate / (best + first) / 220.0), height


def _autocorrelation(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(frames, 2 * frames.shape[1])
    return np.fft.irfft(np.abs(spectrum) ** 2)[:, : frames.shape[1]]
