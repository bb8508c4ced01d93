"""The dynamics of a sound: its offset from zero, its peaks, and how its level changes. NumPy only.

Conventions
    As in `audio.levels`: dB, silence and a sound without samples have a defined value (0), never NaN. A constant
    added to every sample is inaudible, so only `dc_share` counts it.

Metrics
    dc_share          share of the energy in a constant offset, in the worst channel, 0 … 1
    crest_factor_db   peak over RMS: 0 dB is a square wave, 3 dB a sine, music mostly has 12 to 20
    level_range_db    from the 10th to the 90th percentile of the audible frames; 0 dB: a held tone, or noise
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform

FRAME_SECONDS = 0.1  # longer than the period of any tone, shorter than a note
AUDIBLE_POWER = 1e-6  # a frame 60 dB below the loudest one is a pause
FLOOR_POWER = 1e-10  # -100 dB
SHORT_FRAMES = 5  # fewer show nothing about level changes
FRAMES_AT_ONCE = 256


def dc_share(waveform: Waveform) -> float:
    """The worst channel's mean² / mean square, 0 … 1; 0 for silence."""
    means, powers = _means_and_powers(waveform)
    audible = powers > FLOOR_POWER
    return float((means[audible] ** 2 / powers[audible]).max(initial=0.0))


def crest_factor_db(waveform: Waveform) -> float:
    """Peak over RMS of the loudest channel, its mean removed; 0 for silence."""
    means, powers = _means_and_powers(waveform)
    swing = powers - means**2
    if not swing.size or swing.max() <= FLOOR_POWER:
        return 0.0
    loudest = int(swing.argmax())
    channel = waveform.samples[loudest]
    peak = max(float(channel.max()) - means[loudest], means[loudest] - float(channel.min()))
    return float(10.0 * np.log10(peak**2 / swing[loudest]))


def level_range_db(waveform: Waveform) -> float:
    """From the 10th to the 90th percentile of the levels of the audible frames; 0 if there are too few."""
    power = _frame_powers(waveform)
    audible = power[power > max(float(power.max(initial=0.0)) * AUDIBLE_POWER, FLOOR_POWER)]
    if audible.size < SHORT_FRAMES:
        return 0.0
    low, high = np.percentile(10.0 * np.log10(audible), [10, 90])
    return float(high - low)


def _means_and_powers(waveform: Waveform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and mean square of each channel, shapes (n_channels,)."""
    n_samples = max(waveform.n_samples, 1)
    means = waveform.samples.sum(axis=1, dtype=np.float64) / n_samples
    powers = np.array([_energy(channel) for channel in waveform.samples]) / n_samples
    return means, powers


def _energy(channel: NDArray[np.float32], block: int = 1 << 18) -> float:
    """Sum of squares in float64, without a float64 copy of the whole array."""
    blocks = (channel[start : start + block].astype(np.float64) for start in range(0, channel.size, block))
    return sum(float(each @ each) for each in blocks)


def _frame_powers(waveform: Waveform) -> NDArray[np.float64]:
    """Variance within each whole frame, mean over the channels, shape (n_frames,)."""
    frame = max(round(FRAME_SECONDS * waveform.sample_rate), 1)
    n_frames = waveform.n_samples // frame
    power = np.zeros(n_frames)
    for first in range(0, n_frames, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE, n_frames)
        frames = waveform.samples[:, first * frame : last * frame].reshape(waveform.n_channels, last - first, frame)
        power[first:last] = frames.astype(np.float64).var(axis=2).mean(axis=0)
    return power
