"""What a network can be conditioned on: the loudness and pitch of the music, every hundredth of a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAMES = ("loudness", "pitch", "voiced")
HOP_SECONDS, WINDOW_SECONDS = 0.01, 0.04
LOWEST_HZ, HIGHEST_HZ = 55.0, 1_000.0
VOICED = 0.5  # least height of the autocorrelation's second peak
QUIET_DB = -60.0


def describe_frames(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Samples (n_samples,) → (n_samples, 3): loudness (0 at -60 dB, 1 at full scale), pitch (octaves above 220 Hz; 0
    where there is none) and whether there is one; each held for a hundredth of a second.

    Pitch comes from the lag at which the sound is most like itself (Boersma, 1993: the autocorrelation of a window,
    divided by that of the window's shape).
    """
    hop, size = max(1, round(HOP_SECONDS * sample_rate)), round(WINDOW_SECONDS * sample_rate)
    n_frames = -(-samples.size // hop)
    padded = np.pad(samples.astype(np.float64), (size // 2, n_frames * hop - samples.size + size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: n_frames * hop : hop]
    loudness = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9)
    pitch, likeness = _pitch(frames, sample_rate)
    is_voiced = (likeness > VOICED) & (loudness > QUIET_DB)
    found = np.stack([np.clip(1 - loudness / QUIET_DB, 0, 1), np.where(is_voiced, pitch, 0.0), is_voiced], axis=1)
    return np.repeat(found.astype(np.float32), hop, axis=0)[: samples.size]


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
