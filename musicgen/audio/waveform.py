"""Waveform: how sound is represented everywhere in the program. Knows no files and no formats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence

PCM16_PEAK = 32_767


@dataclass(frozen=True)
class Waveform:
    """Sound as numbers.

    Attributes:
        samples: float32, shape (n_channels, n_samples), in [-1, 1], finite.
        sample_rate: Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[np.newaxis, :]
        if samples.ndim != 2 or samples.shape[0] < 1:
            raise InvalidInput(sentence("Samples must have shape (n_channels, n_samples)", f"shape {samples.shape}"))
        if self.sample_rate < 1:
            raise InvalidInput(sentence("A sample rate must be a positive number of Hz", self.sample_rate))
        if samples.size and not np.isfinite(samples).all():
            first = int(np.argmin(np.isfinite(samples).all(axis=0)))
            raise InvalidInput(
                sentence(
                    "Every sample must be a finite number", f"NaN or infinity at {first / self.sample_rate:.2f} s"
                ),
                code="not_finite",
            )
        if samples.size and float(np.abs(samples).max()) > 1.0:
            raise InvalidInput(
                sentence(
                    "Samples must lie in [-1, 1]", f"peak {float(np.abs(samples).max()):.3f}", "Scale or clip first."
                )
            )
        samples = samples.view()
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    @property
    def n_channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def to_mono(self) -> Waveform:
        """The mean of the channels."""
        return self if self.n_channels == 1 else Waveform(self.samples.mean(axis=0), self.sample_rate)

    def between(self, start: int, stop: int) -> Waveform:
        """Samples `start` to `stop` (exclusive), clipped to what exists."""
        return Waveform(self.samples[:, max(start, 0) : max(stop, 0)], self.sample_rate)


def float_to_pcm16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Float in [-1, 1] to 16-bit PCM; clips at ±32,767, never wraps. Inverse: `pcm16_to_float`."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * PCM16_PEAK)
    return np.clip(scaled, -PCM16_PEAK, PCM16_PEAK).astype(np.int16)


def pcm16_to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """16-bit PCM to float32 in [-1, 1]; -32,768 maps to -1. Inverse: `float_to_pcm16`."""
    return np.maximum(samples.astype(np.float32) / np.float32(PCM16_PEAK), np.float32(-1.0))
