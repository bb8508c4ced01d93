"""Magnitudes → sound: phases that make overlapping windows agree with each other.

Conventions
    Frame i is samples i · hop to i · hop + n_fft, times a Hann window; no padding at the ends. Magnitudes: float,
    shape (n_frames, n_fft // 2 + 1).

Sources
    First guess: every spectral peak is a tone that continues at its own pitch from frame to frame (Beauregard, Harish
    and Wyse, Single pass spectrogram inversion, Int. Conf. Digital Signal Processing, 2015). Then phases are corrected
    with Griffin and Lim's algorithm (IEEE Trans. ASSP 32, 1984), made faster (Perraudin, Balazs and Søndergaard,
    WASPAA, 2013).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
MOMENTUM = 0.99
LEAST = 1e-12
EDGE = 0.5


def hann(n_fft: int) -> Samples:
    """The periodic Hann window, float32 (n_fft,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def count_frames(n_samples: int, n_fft: int, hop_length: int) -> int:
    """Whole frames in this many samples."""
    return max(0, (n_samples - n_fft) // hop_length + 1)


def short_time_spectrum(samples: Samples, n_fft: int, hop_length: int) -> NDArray[np.complex64]:
    """(n_samples,) → (n_frames, n_fft // 2 + 1)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop_length]
    return np.fft.rfft(frames * hann(n_fft)).astype(np.complex64, copy=False)


def overlapped(spectrum: NDArray[np.complexfloating], n_fft: int, hop_length: int) -> Samples:
    """The sound whose short-time spectrum is nearest to `spectrum`. Inverse of `short_time_spectrum`, except for
    the first and last half window, where few windows overlap and the sound fades in and out."""
    window = hann(n_fft)
    made = _add_up(np.fft.irfft(spectrum, n_fft).astype(np.float32, copy=False) * window, hop_length)
    weight = _add_up(np.broadcast_to(window**2, (len(spectrum), n_fft)), hop_length)
    made /= np.maximum(weight, np.float32(EDGE) * weight.max())  # dividing by values near 0 would click
    return made


def _add_up(frames: NDArray[np.float32], hop_length: int) -> Samples:
    """Frames (n_frames, n_fft) added up, each a hop after the one before."""
    n_frames, n_fft = frames.shape
    n_parts = -(-n_fft // hop_length)
    made = np.zeros((n_frames + n_parts - 1, hop_length), dtype=np.float32)
    for part in range(n_parts):
        piece = frames[:, part * hop_length : (part + 1) * hop_length]
        made[part : part + n_frames, : piece.shape[1]] += piece
    return made.reshape(-1)[: (n_frames - 1) * hop_length + n_fft]


def magnitudes_to_samples(
    magnitudes: NDArray[np.floating],
    *,
    hop_length: int,
    iterations: int,
    rng: np.random.Generator,
    progress: Callable[[], None] = lambda: None,
) -> Samples:
    """Sound with these magnitudes, as closely as overlapping windows allow, float32 (n_samples,).

    Args:
        iterations: corrections of the first guess; 0 uses the guess as it is.
        rng: draws the phases of the first frame. progress: called at every correction.
    """
    magnitudes = np.asarray(magnitudes, dtype=np.float32)
    n_fft = 2 * (magnitudes.shape[1] - 1)
    angles = np.exp(1j * first_phases(magnitudes, hop_length, rng)).astype(np.complex64)
    before = np.zeros((), dtype=np.complex64)
    for _ in range(iterations):
        progress()
        made = overlapped(magnitudes * angles, n_fft, hop_length)
        agreed = short_time_spectrum(made, n_fft, hop_length)
        angles = agreed + np.float32(MOMENTUM) * (agreed - before)
        angles /= np.maximum(np.abs(angles), np.float32(LEAST))
        before = agreed
    return overlapped(magnitudes * angles, n_fft, hop_length)


def first_phases(magnitudes: NDArray[np.float32], hop_length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Phases (n_frames, bins) of tones that continue: the bins around a peak share its phase at the window's middle."""
    n_frames, n_bins = magnitudes.shape
    n_fft = 2 * (n_bins - 1)
    middle = np.empty((n_frames, n_bins), dtype=np.float32)
    last = rng.uniform(-np.pi, np.pi, (n_bins,)).astype(np.float32)
    logs = np.log(np.maximum(magnitudes, np.float32(LEAST)))
    for number, log in enumerate(logs):
        peaks = 1 + np.flatnonzero((log[1:-1] > log[:-2]) & (log[1:-1] >= log[2:]))
        if peaks.size:
            left, top, right = log[peaks - 1], log[peaks], log[peaks + 1]
            offset = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -LEAST)  # of a parabola's top, in bins
            phase = last[peaks] + 2 * np.pi * hop_length / n_fft * (peaks + offset)
            edges = (peaks[1:] + peaks[:-1] + 1) // 2
            owner = np.searchsorted(edges, np.arange(n_bins), side="right")
            last = (phase % (2 * np.pi))[owner].astype(np.float32)
        middle[number] = last
    # The transform counts time from the start of a window: from there to its middle, every other bin changes sign.
    return middle + np.float32(np.pi) * (np.arange(n_bins) % 2).astype(np.float32)
