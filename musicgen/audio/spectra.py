"""Spectrograms for display: level over time and semitone-wide bands. Light: NumPy only.

Conventions
    Hann frames of about 93 ms; the power of a frame is the mean over the channels, so left and right never cancel out.
    Bands are a semitone wide, from A0 (27.5 Hz) to the Nyquist frequency: equally spaced to the ear. Levels are dB of
    a sine of full scale, from 0 down to -120, stored as one byte (steps of 0.47 dB). The columns of a stored
    spectrogram are means over equal intervals; there are at most `MAX_COLUMNS`, however long the sound is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import pcm16_to_float

FLOOR_DB = -120.0
FRAME_SECONDS = 0.093
LOWEST_HZ = 27.5
BANDS_PER_OCTAVE = 12
MAX_COLUMNS = 8_192
FRAMES_AT_ONCE = 64
FRAMES_PER_COLUMN = 4  # used, at most, for a column computed from the samples
HANN_NOISE_BINS = 1.5  # bins that a sine spreads its power over


@dataclass(frozen=True)
class Spectrogram:
    """Level over time and frequency.

    Attributes:
        time: seconds, shape (n_columns,): the middle of each column.
        frequency: Hz, shape (n_bands,): the middle of each band, equally spaced in octaves.
        level_db: float32, shape (n_bands, n_columns), in [-120, 0].
    """

    time: NDArray[np.float64]
    frequency: NDArray[np.float64]
    level_db: NDArray[np.float32]


def frame_length(sample_rate: int) -> int:
    """Samples in a frame: the power of two nearest to 93 ms (4,096 at 44.1 kHz)."""
    return int(2 ** max(round(np.log2(sample_rate * FRAME_SECONDS)), 4))


class BandPowers:
    """Frames to powers in semitone bands, for one sample rate; 1.0 is a sine of full scale.

    A sine gets 0 dB in a band that is wider than its spread over the bins. Bins on the border of two bands are split
    between them; a band narrower than a bin gets the power density at its place.
    """

    def __init__(self, sample_rate: int) -> None:
        self.n_fft = frame_length(sample_rate)
        n_bands = max(int(BANDS_PER_OCTAVE * np.log2(sample_rate / 2 / LOWEST_HZ)), 1)
        self.frequency = LOWEST_HZ * 2 ** (np.arange(n_bands) / BANDS_PER_OCTAVE)
        borders = LOWEST_HZ * 2 ** ((np.arange(n_bands + 1) - 0.5) / BANDS_PER_OCTAVE)
        edges = np.minimum(borders * self.n_fft / sample_rate + 0.5, self.n_fft // 2 + 1)  # bin k is [k, k + 1] here
        self._edge = np.minimum(edges.astype(np.int64), self.n_fft // 2)
        self._share = edges - self._edge
        self._divisor = np.clip(np.diff(edges), 1e-6, HANN_NOISE_BINS)
        window = np.hanning(self.n_fft + 1)[:-1]
        self._window = (window * (2.0 / window.sum())).astype(np.float32)

    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """`frames`: float32, shape (n_channels, n_frames, n_fft). Returns float32, shape (n_frames, n_bands)."""
        spectrum = np.fft.rfft(frames * self._window, axis=2)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).mean(axis=0)
        below = np.zeros((power.shape[0], power.shape[1] + 1))  # the power of all bins below each bin
        np.cumsum(power, axis=1, dtype=np.float64, out=below[:, 1:])
        at_edges = below[:, self._edge] + power[:, self._edge] * self._share
        return (np.maximum(np.diff(at_edges, axis=1), 0.0) / self._divisor).astype(np.float32)


class SpectrogramBuilder:
    """The spectrogram of a sound that arrives in pieces; half-overlapping frames, bounded memory.

    When the columns run out, every two are merged, and from then on a column covers twice as many frames."""

    def __init__(self, sample_rate: int, n_channels: int) -> None:
        self.sample_rate = sample_rate
        self._powers = BandPowers(sample_rate)
        self._hop = self._powers.n_fft // 2
        self._carry = np.zeros((n_channels, self._hop // 2), np.float32)  # centres frame i on hop i
        self._frames_per_column = 1
        n_bands = self._powers.frequency.size
        self._columns = np.zeros((MAX_COLUMNS, n_bands), np.float32)
        self._n_columns = 0
        self._pending = np.zeros((0, n_bands), np.float32)  # frames of an unfinished column
        self._n_samples = self._n_frames = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """`samples`: float32, shape (n_channels, n)."""
        self._n_samples += samples.shape[1]
        self._cut(samples)

    def _cut(self, samples: NDArray[np.float32]) -> None:
        n_fft, hop = self._powers.n_fft, self._hop
        sound = np.concatenate([self._carry, samples], axis=1)
        n_frames = max((sound.shape[1] - n_fft) // hop + 1, 0)
        if n_frames:
            frames = np.lib.stride_tricks.sliding_window_view(sound, n_fft, axis=1)[:, ::hop]
            for start in range(0, n_frames, FRAMES_AT_ONCE):
                self._take(self._powers(frames[:, start : min(start + FRAMES_AT_ONCE, n_frames)]))
        self._n_frames += n_frames
        self._carry = sound[:, n_frames * hop :].copy()

    def _take(self, powers: NDArray[np.float32]) -> None:
        powers = np.concatenate([self._pending, powers])
        while powers.shape[0] >= self._frames_per_column:
            if self._n_columns == MAX_COLUMNS:
                self._halve()
                continue
            size = self._frames_per_column
            room = min(powers.shape[0] // size, MAX_COLUMNS - self._n_columns)
            whole = powers[: room * size].reshape(room, size, -1)
            self._columns[self._n_columns : self._n_columns + room] = whole.mean(axis=1)
            self._n_columns += room
            powers = powers[room * size :]
        self._pending = powers

    def _halve(self) -> None:
        pairs = self._columns.reshape(MAX_COLUMNS // 2, 2, -1).mean(axis=1)
        self._columns[: MAX_COLUMNS // 2] = pairs
        self._n_columns = MAX_COLUMNS // 2
        self._frames_per_column *= 2

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What is stored: `level` (uint8, n_bands × n_columns), `frequency`, `column_seconds`; finishes the builder."""
        missing = -(-self._n_samples // self._hop) - self._n_frames
        if missing > 0:
            n_zeros = (missing - 1) * self._hop + self._powers.n_fft - self._carry.shape[1]
            self._cut(np.zeros((len(self._carry), n_zeros), np.float32))
        columns = self._columns[: self._n_columns]
        if self._pending.shape[0]:
            columns = np.concatenate([columns, self._pending.mean(axis=0, keepdims=True)])
        return {
            "level": level_to_bytes(power_to_db(columns.T)),
            "frequency": self._powers.frequency,
            "column_seconds": np.array(self._hop * self._frames_per_column / self.sample_rate),
        }


def stored_stretch(
    arrays: Mapping[str, NDArray[Any]], start_seconds: float, stop_seconds: float, n_columns: int
) -> Spectrogram:
    """A part of what `SpectrogramBuilder.arrays` gave, in at most `n_columns` columns (means of the stored ones)."""
    level, column_seconds = arrays["level"], float(arrays["column_seconds"])
    first = min(int(start_seconds / column_seconds), level.shape[1])
    last = int(np.ceil(stop_seconds / column_seconds)) if stop_seconds > start_seconds else first
    last = min(max(last, first), level.shape[1])
    n_groups = min(last - first, max(n_columns, 1))
    edges = np.linspace(0, last - first, n_groups + 1).astype(np.int64)
    time = (first + (edges[:-1] + edges[1:]) / 2) * column_seconds
    level_db = bytes_to_level(level[:, first:last])
    if n_groups < last - first:
        power = np.add.reduceat(10 ** (level_db / 10), edges[:-1], axis=1) / np.diff(edges)
        level_db = power_to_db(power)
    return Spectrogram(time, arrays["frequency"], level_db)


def sampled_stretch(pcm: NDArray[np.int16], sample_rate: int, start: int, stop: int, n_columns: int) -> Spectrogram:
    """The spectrogram of samples `start` to `stop`, computed from the samples: sharper than a coarse stored one.

    Args:
        pcm: the whole sound, shape (n_samples, n_channels); only what is needed is read, so it may be a memory map.
    """
    powers = BandPowers(sample_rate)
    n_fft = powers.n_fft
    n_groups = max(min(n_columns, (stop - start) // (n_fft // 128)), 1)
    spacing = (stop - start) / n_groups
    per_column = int(np.clip(np.ceil(spacing / (n_fft // 2)), 1, FRAMES_PER_COLUMN))
    middles = start + (np.arange(n_groups * per_column) + 0.5) * (spacing / per_column)
    starts = middles.astype(np.int64) - n_fft // 2
    rows = [
        powers(np.stack([_frame(pcm, begin, n_fft) for begin in starts[first : first + FRAMES_AT_ONCE]], axis=1))
        for first in range(0, len(starts), FRAMES_AT_ONCE)
    ]
    columns = np.concatenate(rows).reshape(n_groups, per_column, -1).mean(axis=1)
    time = (start + (np.arange(n_groups) + 0.5) * spacing) / sample_rate
    return Spectrogram(time, powers.frequency, power_to_db(columns.T))


def _frame(pcm: NDArray[np.int16], start: int, n_fft: int) -> NDArray[np.float32]:
    """Samples from `start`, zeros before and after the sound: float32, shape (n_channels, n_fft)."""
    frame = np.zeros((pcm.shape[1], n_fft), np.float32)
    inside = pcm16_to_float(pcm[max(start, 0) : max(start + n_fft, 0)])
    frame[:, max(-start, 0) : max(-start, 0) + len(inside)] = inside.T
    return frame


def power_to_db(power: NDArray[np.floating]) -> NDArray[np.float32]:
    """Power (1: 0 dB) to dB in [-120, 0]."""
    floor = 10 ** (FLOOR_DB / 10)
    return np.clip(10 * np.log10(np.maximum(power, floor)), FLOOR_DB, 0.0).astype(np.float32)


def level_to_bytes(level_db: NDArray[np.floating]) -> NDArray[np.uint8]:
    """dB in [-120, 0] to bytes. Inverse: `bytes_to_level`, to within 0.24 dB."""
    return np.rint((level_db - FLOOR_DB) * (255 / -FLOOR_DB)).astype(np.uint8)


def bytes_to_level(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    return stored.astype(np.float32) * np.float32(-FLOOR_DB / 255) + np.float32(FLOOR_DB)
