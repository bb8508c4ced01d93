"""Finds audible loops whose waveform never repeats exactly.

A loop synthesised with new phases, or played a little differently each time, does not correlate sample by
sample (see `lags.best_loop`), but its loudness in a few bands over time does. Knows no files and no notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation import spectral

FRAME_SECONDS = 0.093
LAG_SECONDS = (0.45, 5.1)
NUM_BANDS = 16
BAND_RANGE = (80.0, 8_000.0)  # Hz
MIN_RATE = 400  # Hz; below it there are no bands
FLOOR = 1e-5  # of the loudest band at its loudest: 50 dB below it is a pause
STILL_DB = 1.0  # bands that vary less than this are steady: a drone has no pattern
RISE = 0.2  # it must be this much less like itself at some shorter lag: a slow fade is no pattern
TIMES = 3  # a pattern occurs at least this often


def best_pattern(samples: NDArray[np.float32], sample_rate: int) -> tuple[float, float]:
    """(correlation, seconds): how exactly the band levels repeat at the best period between 0.5 and 5 seconds.

    The mean level of each band is removed, so that a steady timbre is no pattern. (0.0, 0.0) if nothing changes.

    Args:
        samples: float32, shape (n_channels, n_samples).
    """
    if sample_rate < MIN_RATE:
        return 0.0, 0.0
    n_fft = spectral.frame_length(sample_rate, FRAME_SECONDS)
    levels = _band_levels(samples, sample_rate, n_fft)  # (n_frames, NUM_BANDS)
    step = n_fft / 2 / sample_rate
    first, last = int(np.ceil(LAG_SECONDS[0] / step)), min(int(LAG_SECONDS[1] / step), len(levels) // TIMES)
    levels = levels - levels.mean(axis=0)
    if last < first or np.sqrt((levels**2).mean()) < STILL_DB:
        return 0.0, 0.0
    correlation = np.array([_agreement(levels[:-lag], levels[lag:]) for lag in range(1, last + 1)])
    rise = correlation - np.minimum.accumulate(correlation)
    correlation[rise < RISE] = 0.0
    correlation = correlation[first - 1 :]
    if correlation.max() <= 0.0:
        return 0.0, 0.0
    best = int(np.argmax(correlation >= correlation.max() - 0.02))  # the period itself rather than a multiple of it
    while best + 1 < correlation.size and correlation[best + 1] > correlation[best]:
        best += 1
    return float(min(correlation.max(), 1.0)), (best + first) * step


def _agreement(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def _band_levels(samples: NDArray[np.float32], sample_rate: int, n_fft: int) -> NDArray[np.float64]:
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    edges = np.geomspace(BAND_RANGE[0], min(BAND_RANGE[1], sample_rate / 2.2), NUM_BANDS + 1)
    places = np.maximum.accumulate(np.searchsorted(frequency, edges))
    places = np.unique(places)  # merges low bands narrower than a bin
    blocks = [np.add.reduceat(power, places[:-1], axis=1) for power in spectral.frame_powers(samples, n_fft)]
    power = np.concatenate(blocks).astype(np.float64)
    return 10.0 * np.log10(np.maximum(power, max(float(power.max()) * FLOOR, spectral.FLOOR_POWER)))
