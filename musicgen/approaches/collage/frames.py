"""A song as short frames: timbre, harmony, power, and how much begins in each.

Conventions
    Frames of about 93 ms, an eighth of a frame apart, each centred on its time; the sound is silent beyond its ends.

Sources
    Timbre: coefficients 1 to 12 of the cosine transform of the logarithmic mel spectrum (Davis and Mermelstein, 1980).
    Harmony: the power of the twelve pitch classes. Onset strength: how much the logarithmic mel spectrum rises from
    frame to frame (Ellis, Beat tracking by dynamic programming, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.sounds import Sound

Floats = NDArray[np.float32]
FRAME_SECONDS = 0.093
HOPS_PER_FRAME = 8
BANDS, COEFFICIENTS, PITCH_CLASSES = 40, 12, 12
MEL_RANGE = (40.0, 11_000.0)  # Hz
CHROMA_RANGE = (150.0, 4_000.0)  # Hz: below, neighbouring semitones share a bin; above, there are only overtones
DEPTH = 1e-7  # 70 dB below the loudest band: anything softer is silence
FRAMES_AT_ONCE = 512


@dataclass(frozen=True)
class SongFrames:
    """The frames of a song.

    Attributes:
        rate: frames a second. timbre: (n, 12). harmony: (n, 12), each of length 1, or 0 in silence. power: (n,), mean
            square of the samples. onset: (n,).
    """

    rate: float
    timbre: Floats
    harmony: Floats
    power: Floats
    onset: Floats

    def __len__(self) -> int:
        return len(self.power)

    def part(self, start: float, stop: float) -> slice:
        """The frames whose middle lies between two times in seconds, at least one."""
        first = int(np.clip(np.ceil(start * self.rate), 0, len(self) - 1))
        return slice(first, max(first + 1, min(int(np.ceil(stop * self.rate)), len(self))))


def read_frames(sound: Sound) -> SongFrames:
    """The frames of a sound, read in blocks."""
    n_fft = int(2 ** max(5, round(np.log2(sound.sample_rate * FRAME_SECONDS))))
    hop = n_fft // HOPS_PER_FRAME
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    to_mel, to_classes = mel_bands(sound.sample_rate, n_fft), pitch_classes(sound.sample_rate, n_fft)
    n_frames, mel, classes, power = sound.n_samples // hop + 1, [], [], []
    for first in range(0, n_frames, FRAMES_AT_ONCE):
        count = min(FRAMES_AT_ONCE, n_frames - first)
        start = first * hop - n_fft // 2
        samples = sound.read(start, start + (count - 1) * hop + n_fft)
        frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop] * window
        spectrum = np.abs(np.fft.rfft(frames)).astype(np.float32) * np.float32(2.0 / window.sum())
        mel.append(spectrum**2 @ to_mel.T)
        classes.append(spectrum @ to_classes.T)
        power.append((frames**2).sum(axis=1) / float((window**2).sum()))
    logs = _logarithmic(np.concatenate(mel))
    return SongFrames(
        sound.sample_rate / hop, logs @ _cosines().T, _harmony(np.concatenate(classes)), np.concatenate(power),
        _onset_strength(logs),
    )  # fmt: skip


def mel_bands(sample_rate: int, n_fft: int) -> Floats:
    """Overlapping triangles on the mel scale, (bands, bins); each has at least one bin."""
    low, high = (_to_mel(np.array(each)) for each in (MEL_RANGE[0], min(MEL_RANGE[1], sample_rate / 2)))
    corners = np.linspace(low, high, BANDS + 2)
    place = _to_mel(np.fft.rfftfreq(n_fft, 1 / sample_rate))
    rise = (place - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    fall = (corners[2:, None] - place) / (corners[2:] - corners[1:-1])[:, None]
    bands = np.maximum(np.minimum(rise, fall), 0.0)
    bands[np.arange(BANDS), np.abs(place - corners[1:-1, None]).argmin(axis=1)] += 1e-3
    return (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32)


def pitch_classes(sample_rate: int, n_fft: int) -> Floats:
    """Each bin split between the two nearest pitch classes, (12, bins)."""
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    is_used = np.flatnonzero((frequency >= CHROMA_RANGE[0]) & (frequency <= CHROMA_RANGE[1]))
    pitch = 69.0 + 12.0 * np.log2(frequency[is_used] / 440.0)
    below = np.floor(pitch).astype(np.int64)
    made = np.zeros((PITCH_CLASSES, frequency.size), dtype=np.float32)
    made[below % 12, is_used] = 1.0 - (pitch - below)
    made[(below + 1) % 12, is_used] += pitch - below
    return made / np.maximum(frequency, 1.0).astype(np.float32) ** 0.5  # higher octaves have more bins


def _to_mel(frequency: NDArray[np.floating]) -> NDArray[np.floating]:
    return 2595.0 * np.log10(1.0 + frequency / 700.0)


def _logarithmic(mel: Floats) -> Floats:
    loudest = max(float(mel.max(initial=0.0)), 1e-12)
    return np.log10(np.maximum(mel / loudest, DEPTH)).astype(np.float32)


def _cosines() -> Floats:
    number, band = np.arange(1, COEFFICIENTS + 1)[:, None], np.arange(BANDS) + 0.5
    return (np.cos(np.pi / BANDS * number * band) * np.sqrt(2.0 / BANDS)).astype(np.float32)


def _harmony(classes: Floats) -> Floats:
    """What rises above the middle of the twelve, scaled to length 1."""
    above = np.maximum(classes - np.median(classes, axis=1, keepdims=True), 0.0)
    size = np.linalg.norm(above, axis=1, keepdims=True)
    return np.asarray(above / np.maximum(size, max(1e-6, 1e-3 * float(size.max(initial=0.0)))), np.float32)


def _onset_strength(logs: Floats) -> Floats:
    rise = np.maximum(np.diff(logs, axis=0), 0.0).mean(axis=1)
    return np.concatenate([[0.0], rise]).astype(np.float32)
