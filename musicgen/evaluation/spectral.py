"""Spectra for the metrics, computed in blocks of frames, so that a long song never needs a whole spectrogram in memory.

Powers are scaled so that a sine of full scale has 1.0 (0 dB) in its bin, and averaged over the channels: left and
right that cancel each other in a mono mix still count. Knows no files and no scores.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FRAMES_AT_ONCE = 128
FLOOR_POWER = 1e-10  # -100 dB: below the noise of 16-bit sound, so anything lower is silence
AUDIBLE = 1e-6  # a frame 60 dB below the loudest one is a pause
FLATNESS_BINS = 24  # of 11 Hz: a band wide enough to tell two tones apart
FLATNESS_FROM = 60.0  # Hz: rumble below it counts neither as tone nor as noise
WHITE_FLATNESS = float(np.exp(-np.euler_gamma))  # flatness of powers distributed like those of noise: 0.561
TUNING = 440.0  # Hz of A4
CHROMA_RANGE = (110.0, 5_000.0)  # Hz: below, neighbouring semitones share a bin; above, there are only overtones


def frame_length(sample_rate: int, seconds: float) -> int:
    """The power of two of samples that is closest to `seconds`."""
    return int(2 ** max(round(np.log2(sample_rate * seconds)), 4))


def frame_powers(samples: NDArray[np.float32], n_fft: int) -> Iterator[NDArray[np.float32]]:
    """Power spectra of half-overlapping Hann frames, the last one zero-padded.

    Args:
        samples: float32, shape (n_channels, n_samples).
        n_fft: frame length in samples.

    Yields:
        float32, shape (≤ FRAMES_AT_ONCE, n_fft // 2 + 1).
    """
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    scale = np.float32((2.0 / window.sum()) ** 2 / samples.shape[0])
    hop = n_fft // 2
    n_frames = max(-(-(samples.shape[1] - n_fft) // hop), 0) + 1
    for first in range(0, n_frames, FRAMES_AT_ONCE):
        count = min(FRAMES_AT_ONCE, n_frames - first)
        block = samples[:, first * hop : (first + count - 1) * hop + n_fft]
        missing = (count - 1) * hop + n_fft - block.shape[1]
        block = np.pad(block, ((0, 0), (0, missing))) if missing else block
        power = np.zeros((count, n_fft // 2 + 1), dtype=np.float32)
        for channel in block:
            frames = np.lib.stride_tricks.sliding_window_view(channel, n_fft)[::hop]  # (count, n_fft)
            spectrum = np.fft.rfft(frames * window)
            power += spectrum.real**2 + spectrum.imag**2
        yield power * scale


def mean_centroid(samples: NDArray[np.float32], sample_rate: int, n_fft: int) -> float:
    """Mean over the audible frames of Σ f·A / Σ A (A: magnitude), in Hz; 0.0 for silence."""
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate).astype(np.float32)
    centroids, loudness = [], []
    for power in frame_powers(samples, n_fft):
        magnitude = np.sqrt(power)
        total = magnitude.sum(axis=1)
        centroids.append(magnitude @ frequency / np.maximum(total, 1e-20))
        loudness.append(power.sum(axis=1))
    level = np.concatenate(loudness)
    audible = level > max(float(level.max()) * AUDIBLE, FLOOR_POWER)
    return float(np.concatenate(centroids)[audible].mean()) if audible.any() else 0.0


def noise_flatness(samples: NDArray[np.float32], sample_rate: int, n_fft: int) -> float:
    """How noisy the sound is, 0 (tones) … 1 (noise of any colour); 0.0 for silence.

    Spectral flatness (geometric over arithmetic mean of the powers; Johnston, Transform coding of audio signals using
    perceptual noise criteria, IEEE JSAC 6, 1988), not of the whole spectrum but of bands of 24 bins, so that dark noise
    counts as noise too; weighted by the energy of the bands, relative to the flatness of white noise.
    """
    first = int(FLATNESS_FROM * n_fft / sample_rate)
    count = (n_fft // 2 + 1 - first) // FLATNESS_BINS
    flat, energy = 0.0, 0.0
    if count < 1:
        return 0.0  # at so low a rate there are no bands
    for power in frame_powers(samples, n_fft):
        bins = np.maximum(power[:, first : first + count * FLATNESS_BINS], 1e-14).astype(np.float64)
        bands = bins.reshape(len(bins), count, FLATNESS_BINS)
        mean = bands.mean(axis=2)
        is_heard = mean > FLOOR_POWER / FLATNESS_BINS  # silence has neither tones nor noise
        flat += float(np.exp(np.log(bands).mean(axis=2))[is_heard].sum())
        energy += float(mean[is_heard].sum())
    return min(flat / energy / WHITE_FLATNESS, 1.0) if energy > 0 else 0.0


def log_distance_db(reference: NDArray[np.float32], generated: NDArray[np.float32], n_fft: int) -> float:
    """Mean over frames of the root mean square over frequencies of the difference of two log spectra, in dB.

    Gray and Markel, Distance measures for speech processing, IEEE Trans. ASSP 24, 1976. Everything under -100 dB
    counts as -100 dB, so that silence has a distance, and an inaudible hiss has none.

    Args:
        reference, generated: same sample rate, same n_samples; the channel counts may differ.
    """
    total, n_frames = 0.0, 0
    for one, other in zip(frame_powers(reference, n_fft), frame_powers(generated, n_fft), strict=True):
        difference = np.log10(np.maximum(one, FLOOR_POWER)) - np.log10(np.maximum(other, FLOOR_POWER))
        total += float(np.sqrt(np.mean((10.0 * difference) ** 2, axis=1)).sum())
        n_frames += len(one)
    return total / n_frames


def chroma_profile(samples: NDArray[np.float32], sample_rate: int, n_fft: int) -> NDArray[np.float64]:
    """Share of each pitch class (C first) in the sound, shape (12,), sum 1; all 0.0 for silence.

    Only spectral peaks count (their magnitudes), each split between the two nearest semitones (A4 = 440 Hz); every
    audible frame weighs the same, so a loud bar does not drown a quiet one. After Fujishima, Realtime chord
    recognition, ICMC 1999.
    """
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    inside = (frequency >= CHROMA_RANGE[0]) & (frequency <= min(CHROMA_RANGE[1], sample_rate / 2.2))
    first, last = int(np.argmax(inside)), int(inside.size - np.argmax(inside[::-1]))
    to_class = _pitch_class_weights(frequency[first:last])
    chroma, loudness = [], []
    for power in frame_powers(samples, n_fft):
        bins = power[:, first - 1 : last + 1]
        is_peak = (bins[:, 1:-1] > bins[:, :-2]) & (bins[:, 1:-1] >= bins[:, 2:])
        chroma.append(np.where(is_peak, np.sqrt(bins[:, 1:-1]), 0.0) @ to_class)
        loudness.append(power.sum(axis=1))
    frames, level = np.concatenate(chroma), np.concatenate(loudness)
    sums = frames.sum(axis=1)
    audible = (level > max(float(level.max()) * AUDIBLE, FLOOR_POWER)) & (sums > 0)
    if not audible.any():
        return np.zeros(12)
    return (frames[audible] / sums[audible, None]).mean(axis=0).astype(np.float64)


def _pitch_class_weights(frequency: NDArray[np.floating]) -> NDArray[np.float32]:
    """How much of each frequency belongs to each pitch class, shape (n_bins, 12), rows sum to 1."""
    pitch = 69.0 + 12.0 * np.log2(frequency / TUNING)
    below = np.floor(pitch).astype(int)
    weights = np.zeros((frequency.size, 12), dtype=np.float32)
    rows = np.arange(frequency.size)
    weights[rows, below % 12] += (1.0 - (pitch - below)).astype(np.float32)
    weights[rows, (below + 1) % 12] += (pitch - below).astype(np.float32)
    return weights
