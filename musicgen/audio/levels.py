"""The loudness of a sound, in numbers that are defined for every sound. Light: NumPy only.

Conventions
    dB of full scale: a sample of ±1 is 0 dB, and so is a full-scale square wave. Nothing is below FLOOR_DB:
    silence and a sound without samples have -120 dB, never NaN. A frame of 50 ms is silent if its RMS is below -60 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform

FLOOR_DB = -120.0
SILENT_BELOW_DB = -60.0
FRAME_SECONDS = 0.05
SAMPLES_AT_ONCE = 1 << 18


class LevelMeter:
    """Levels of a sound that arrives in pieces; memory does not grow."""

    def __init__(self, sample_rate: int) -> None:
        self._frame = max(round(FRAME_SECONDS * sample_rate), 1)
        self._carry = np.zeros(0, np.float32)  # powers of an unfinished frame
        self._energy = 0.0
        self._n_samples = 0
        self._n_silent = 0
        self._peak = 0.0

    def add(self, samples: NDArray[np.float32]) -> None:
        """`samples`: float32, shape (n_channels, n)."""
        if not samples.size:
            return
        self._peak = max(self._peak, float(samples.max()), -float(samples.min()))
        power = np.concatenate([self._carry, np.mean(np.square(samples), axis=0, dtype=np.float32)])
        n_frames = power.size // self._frame
        whole = power[: n_frames * self._frame].reshape(n_frames, self._frame)
        self._count(whole.sum(axis=1, dtype=np.float64), self._frame)
        self._carry = power[n_frames * self._frame :].copy()

    def _count(self, energies: NDArray[np.float64], n_samples: int) -> None:
        self._energy += float(energies.sum())
        self._n_samples += n_samples * energies.size
        self._n_silent += n_samples * int(np.count_nonzero(energies < n_samples * 10 ** (SILENT_BELOW_DB / 10)))

    def levels(self) -> dict[str, float]:
        """`rms_db`, `peak_db`, `silence_share` (of the time, 0 … 1; 1 without samples) of everything added."""
        if self._carry.size:
            self._count(self._carry.sum(keepdims=True, dtype=np.float64), self._carry.size)
            self._carry = np.zeros(0, np.float32)
        return {
            "rms_db": _power_to_db(self._energy / max(self._n_samples, 1)),
            "peak_db": _power_to_db(self._peak**2),
            "silence_share": self._n_silent / self._n_samples if self._n_samples else 1.0,
        }


def measure_levels(waveform: Waveform) -> dict[str, float]:
    """`rms_db`, `peak_db` and `silence_share` in one go."""
    meter = LevelMeter(waveform.sample_rate)
    for start in range(0, waveform.n_samples, SAMPLES_AT_ONCE):
        meter.add(waveform.samples[:, start : start + SAMPLES_AT_ONCE])
    return meter.levels()


def rms_db(waveform: Waveform) -> float:
    """Root mean square over all channels."""
    return measure_levels(waveform)["rms_db"]


def peak_db(waveform: Waveform) -> float:
    """The largest magnitude of any sample."""
    return measure_levels(waveform)["peak_db"]


def silence_share(waveform: Waveform) -> float:
    """Share of the time that is silent, 0 … 1."""
    return measure_levels(waveform)["silence_share"]


def _power_to_db(power: float) -> float:
    return max(10.0 * float(np.log10(power)), FLOOR_DB) if power > 0 else FLOOR_DB
