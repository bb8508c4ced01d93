"""Sound ↔ the numbers that an amplitude network reads. Decoding clips and never wraps around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.bank import Bank
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import PCM16_PEAK, Waveform

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class AmplitudeCodec:
    """Waveform ↔ network numbers.

    Attributes:
        sample_rate: Hz that the network works at; n_channels: how many it reads and generates.
        scale: network units at full scale: 32,767 (16-bit steps, as in the authors' code), or 1 / RMS of the training
            music.
        level: per channel the RMS of the training music, full scale = 1.
        banks: per channel the bank of linear predictors; empty if the network predicts samples itself.
    """

    sample_rate: int
    n_channels: int
    scale: float
    level: tuple[float, ...]
    banks: tuple[Bank, ...] = ()

    @property
    def steps_per_unit(self) -> float:
        """16-bit steps in one network unit."""
        return PCM16_PEAK / self.scale

    def hear(self, waveform: Waveform) -> Waveform:
        """At the network's sample rate and with its number of channels."""
        return resample(fit_channels(waveform, self.n_channels), self.sample_rate)

    def encode(self, waveform: Waveform) -> Samples:
        """Waveform of any rate and channels → network units, shape (n_channels, n_samples)."""
        return to_units(self.hear(waveform), self.scale)

    def decode(self, values: NDArray[np.floating]) -> Waveform:
        """Network units (n_channels, n_samples) → waveform, clipped at full scale. Inverse of `encode`."""
        samples = np.nan_to_num(values.astype(np.float64) / self.scale)
        return Waveform(np.clip(samples, -1.0, 1.0).astype(np.float32), self.sample_rate)

    def to_json(self) -> dict[str, Any]:
        return {
            "sample_rate": self.sample_rate,
            "n_channels": self.n_channels,
            "scale": self.scale,
            "level": list(self.level),
            "banks": [bank.to_json() for bank in self.banks],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> AmplitudeCodec:
        return cls(
            sample_rate=int(document["sample_rate"]),
            n_channels=int(document["n_channels"]),
            scale=float(document["scale"]),
            level=tuple(float(value) for value in document["level"]),
            banks=tuple(Bank.from_json(each) for each in document["banks"]),
        )


def to_units(waveform: Waveform, scale: float) -> Samples:
    """Samples times `scale`; whole numbers if the scale is that of 16-bit steps."""
    values = waveform.samples * np.float32(scale)
    return np.rint(values) if scale == PCM16_PEAK else values


def fit_channels(waveform: Waveform, n_channels: int) -> Waveform:
    """Many channels to one: their mean. One to many: copies of it."""
    if waveform.n_channels == n_channels:
        return waveform
    mono = waveform.to_mono()
    return mono if n_channels == 1 else Waveform(np.repeat(mono.samples, n_channels, axis=0), mono.sample_rate)
