"""Sound as the numbers a sample network sees, and back. Clips, never wraps, on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import PCM16_PEAK, Waveform

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class AmplitudeCodec:
    """Waveform ↔ network numbers.

    Attributes:
        sample_rate: Hz that the network works at; n_channels: how many it hears and makes.
        scale: network units at full scale: 32,767 (16-bit steps, as the authors had), or 1 / RMS of the training music.
        linear: per channel the weights of a linear predictor, newest sample first; empty without a linear path.
        residual: per channel the RMS, in network units, of what the linear predictor misses (1.0 without one).
        level: per channel the RMS of the training music, full scale = 1.
    """

    sample_rate: int
    n_channels: int
    scale: float
    linear: tuple[tuple[float, ...], ...] = ()
    residual: tuple[float, ...] = ()
    level: tuple[float, ...] = ()

    @property
    def squared_steps(self) -> float:
        """What turns a squared error in network units into squared 16-bit steps."""
        return (PCM16_PEAK / self.scale) ** 2

    def hear(self, waveform: Waveform) -> Waveform:
        """At the network's sample rate and with its number of channels."""
        return resample(fit_channels(waveform, self.n_channels), self.sample_rate)

    def encode(self, waveform: Waveform) -> Samples:
        """Waveform of any rate and channels → network units, shape (n_channels, n_samples)."""
        return to_units(self.hear(waveform), self.scale)

    def decode(self, values: NDArray[np.floating], sample_rate: int | None = None) -> Waveform:
        """Network units (n_channels, n_samples) → waveform, clipped at full scale. Inverse of `encode`."""
        samples = np.clip(np.nan_to_num(values.astype(np.float64) / self.scale), -1.0, 1.0).astype(np.float32)
        return Waveform(samples, sample_rate or self.sample_rate)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> AmplitudeCodec:
        return cls(
            sample_rate=int(document["sample_rate"]),
            n_channels=int(document["n_channels"]),
            scale=float(document["scale"]),
            linear=tuple(tuple(float(weight) for weight in weights) for weights in document["linear"]),
            residual=tuple(float(value) for value in document["residual"]),
            level=tuple(float(value) for value in document["level"]),
        )


def to_units(waveform: Waveform, scale: float) -> Samples:
    """Samples times `scale`; whole numbers where the scale is that of 16-bit steps."""
    values = waveform.samples * np.float32(scale)
    return np.rint(values) if scale == PCM16_PEAK else values


def fit_channels(waveform: Waveform, n_channels: int) -> Waveform:
    """One channel from many is their mean; many from one are copies of it."""
    if waveform.n_channels == n_channels:
        return waveform
    mono = waveform.to_mono()
    return mono if n_channels == 1 else Waveform(np.repeat(mono.samples, n_channels, axis=0), mono.sample_rate)


def linear_prediction(samples: Samples, weights: Sequence[float] | Samples) -> Samples:
    """What the linear predictor expects at every sample; 0 stands for what is before the start. Same shape as samples.

    samples: (n_samples,); weights: newest sample first.
    """
    from scipy.signal import lfilter

    if not len(weights):
        return np.zeros_like(samples)
    predicted = lfilter(np.concatenate([[0.0], weights]), [1.0], samples.astype(np.float64))
    return predicted.astype(np.float32)


def stable_predictor(series: Sequence[Samples], order: int) -> NDArray[np.float64]:
    """Weights of a linear predictor that, fed with its own output, never grows: the autocorrelation method.

    Slightly worse than least squares, but all its poles lie inside the unit circle (Makhoul, Linear prediction, Proc.
    IEEE 63, 1975). Newest sample first, shape (order,). All zero for silence.
    """
    from scipy.linalg import solve_toeplitz

    correlation = np.zeros(order + 1)
    for samples in series:
        size = 1 << (samples.size + order).bit_length()
        power = np.abs(np.fft.rfft(samples.astype(np.float64), size)) ** 2
        correlation += np.fft.irfft(power, size)[: order + 1]
    if correlation[0] <= 0:
        return np.zeros(order)
    correlation[0] *= 1 + 1e-9  # a noise floor at -90 dB keeps the equations solvable
    return np.asarray(solve_toeplitz(correlation[:-1], correlation[1:]))
