"""Sound as the energy that begins in each semitone, a few times a second: what tunes and chords are known by.

What rings on is left out, and so are loudness and most of the timbre. Knows no songs and no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform

SAMPLE_RATE = 11_025  # Hz
N_FFT = 4_096  # 0.37 s: from G#2 upwards two semitones are told apart
FINE_RATE = 20.0  # spectra a second
PITCHES = (36, 97)  # C2 … C7
COMPRESSION = 30.0  # of the levels, against the loudest: quiet notes count almost as much as loud ones
LOUDEST = 0.99  # quantile
SMOOTHING = (0.25, 0.5, 0.25)  # over frames: an onset may be a frame early or late
FRAMES_AT_ONCE = 256
AROUND = 13  # semitones, in which a drum begins at once
EVEN = 0.3  # of the mean: onsets much louder than that count for their square root


@dataclass(frozen=True)
class FineOnsets:
    """Rising energy, compressed. `rises`: float32, shape (n, pitches), `FINE_RATE` rows a second."""

    rises: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        return len(self.rises) / FINE_RATE

    @cached_property
    def pitched(self) -> FineOnsets:
        """Without what begins in most semitones around, as drums do (D. FitzGerald, Harmonic/percussive separation
        using median filtering, 2010): with the same drums, all chords are somewhat alike."""
        from scipy.ndimage import median_filter

        around = median_filter(self.rises, size=(1, AROUND), mode="nearest")
        return FineOnsets(np.maximum(self.rises - around, 0.0))

    def frames(self, frame_rate: float, tempo_ratio: float = 1.0) -> NDArray[np.float32]:
        """`frame_rate` rows a second of music that was played `tempo_ratio` times as fast; float32, (n, pitches).

        Row i is about i / frame_rate / tempo_ratio seconds into the sound. Rows have mean 0; one without onset is 0.
        """
        step = FINE_RATE / frame_rate / tempo_ratio
        edges = np.arange(int(len(self.rises) / step) + 1) * step
        summed = np.concatenate([np.zeros((1, self.rises.shape[1])), np.cumsum(self.rises, axis=0, dtype=np.float64)])
        whole = np.minimum(edges.astype(int), max(len(summed) - 2, 0))
        part = (edges - whole)[:, None]
        at = summed[whole] * (1 - part) + summed[np.minimum(whole + 1, len(summed) - 1)] * part
        rows = np.pad(np.diff(at, axis=0), ((1, 1), (0, 0)))
        before, now, after = SMOOTHING
        rows = before * rows[:-2] + now * rows[1:-1] + after * rows[2:]
        rows = rows - rows.mean(axis=1, keepdims=True)
        size = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.sqrt(size + EVEN * size.mean() + 1e-9)).astype(np.float32) if len(rows) else rows


def transposed(rows: NDArray[np.float32], semitones: int) -> NDArray[np.float32]:
    """Onsets moved up by so many semitones; what leaves the range is lost."""
    moved = np.zeros_like(rows)
    if semitones >= 0:
        moved[:, semitones:] = rows[:, : rows.shape[1] - semitones]
    else:
        moved[:, :semitones] = rows[:, -semitones:]
    return moved


def pitch_onsets(waveform: Waveform) -> FineOnsets:
    """The onsets of a sound. Workers and children only: resamples."""
    from musicgen.audio.resampling import resample

    samples = resample(waveform.to_mono(), SAMPLE_RATE).samples[0]
    levels = _levels(samples)
    loudest = float(np.quantile(levels, LOUDEST)) if levels.size else 0.0
    if loudest < 1e-6:
        return FineOnsets(np.zeros((len(levels), PITCHES[1] - PITCHES[0]), np.float32))
    compressed = np.log1p(COMPRESSION / loudest * levels)
    return FineOnsets(np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0.0))


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Magnitude in each semitone, shape (n, pitches)."""
    padded = np.pad(samples, (N_FFT // 2, N_FFT // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[:: round(SAMPLE_RATE / FINE_RATE)]
    window, bands = np.hanning(N_FFT).astype(np.float32), _bands().T
    blocks = [
        np.abs(np.fft.rfft(frames[first : first + FRAMES_AT_ONCE] * window)).astype(np.float32) @ bands
        for first in range(0, len(frames), FRAMES_AT_ONCE)
    ]
    return np.concatenate(blocks)


def _bands() -> NDArray[np.float32]:
    """Triangles a semitone wide on either side, shape (pitches, bins)."""
    frequency = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    pitch = 69 + 12 * np.log2(np.maximum(frequency, 1.0) / 440.0)
    centre = np.arange(*PITCHES)[:, None]
    bands = np.maximum(0.0, 1.0 - np.abs(pitch - centre))
    nearest = np.abs(pitch - centre).argmin(axis=1)
    is_narrow = bands.sum(axis=1) < 0.5  # low semitones, narrower than a bin
    bands[is_narrow, nearest[is_narrow]] = 1.0
    return (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32)
