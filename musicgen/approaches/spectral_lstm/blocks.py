"""Blocks of sound as their normalised spectra, and back: no window and no overlap, as in the authors' code.

Without overlap, blocks click at every edge where the prediction of one does not fit the next: a tick four times a
second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.codecs.arrays import array_to_text, text_to_array

Transform = Literal["fft", "rfft", "none"]
LEAST_STD = 1e-8


def n_features(block_size: int, transform: Transform) -> int:
    """Numbers that stand for one block: 22,050 for 11,025 samples by `fft`, 11,026 by `rfft`, 11,025 by `none`."""
    return {"fft": 2 * block_size, "rfft": 2 * (block_size // 2 + 1), "none": block_size}[transform]


def blocks_to_features(blocks: NDArray[np.floating], transform: Transform, dtype: Any = np.float64) -> NDArray[Any]:
    """Samples (…, block_size) → real parts, then imaginary parts of the spectrum, (…, features).

    `fft` has everything twice, because sound is real (the authors' choice); `rfft` has it once. Inverse:
    `features_to_blocks`."""
    if transform == "none":
        return blocks.astype(dtype)
    spectrum = np.fft.rfft(blocks.astype(np.float64))
    parts = [spectrum.real, spectrum.imag]
    if transform == "fft":
        again = spectrum[..., (blocks.shape[-1] - 1) // 2 : 0 : -1]  # the second half is the first, mirrored
        parts = [spectrum.real, again.real, spectrum.imag, -again.imag]
    return np.concatenate(parts, axis=-1, dtype=dtype, casting="same_kind")


def features_to_blocks(features: NDArray[np.floating], block_size: int, transform: Transform) -> NDArray[np.float64]:
    """Inverse of `blocks_to_features`. Parts of a prediction that no real sound has are left out."""
    if transform == "none":
        return features.astype(np.float64)
    half = features.shape[-1] // 2
    spectrum = features[..., :half].astype(np.float64) + 1j * features[..., half:]
    if transform == "fft":
        return np.fft.ifft(spectrum).real
    return np.fft.irfft(spectrum, block_size)


@dataclass(frozen=True)
class BlockCodec:
    """Sound ↔ normalised spectra of blocks.

    Attributes:
        sample_rate: Hz. block_size: samples. sequence_length: blocks in a training example.
        mean, std: float32 (features,), over all training inputs; zeros and ones without normalisation.
        level: RMS of the training music, full scale = 1.
    """

    sample_rate: int
    block_size: int
    transform: Transform
    sequence_length: int
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    level: float

    @property
    def n_features(self) -> int:
        return n_features(self.block_size, self.transform)

    def encode(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Samples (n_blocks · block_size,) → (n_blocks, features)."""
        values = blocks_to_features(samples.reshape(-1, self.block_size), self.transform, np.float32)
        values -= self.mean
        values /= self.std
        return values

    def decode(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Values (n_blocks, features) → samples (n_blocks · block_size,), not clipped. Inverse of `encode`."""
        features = values.astype(np.float64) * self.std + self.mean
        return features_to_blocks(features, self.block_size, self.transform).reshape(-1)

    def to_waveform(self, values: NDArray[np.floating], *, gain: float = 1.0) -> Waveform:
        """`decode`, times `gain`, clipped at full scale."""
        samples = np.nan_to_num(self.decode(values)) * gain
        return Waveform(np.clip(samples, -1.0, 1.0).astype(np.float32), self.sample_rate)

    def to_json(self) -> dict[str, Any]:
        return {
            "representation": "blocks",
            "sample_rate": self.sample_rate,
            "block_size": self.block_size,
            "transform": self.transform,
            "sequence_length": self.sequence_length,
            "mean": array_to_text(self.mean),
            "std": array_to_text(self.std),
            "level": self.level,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> BlockCodec:
        block_size, transform = int(document["block_size"]), document["transform"]
        shape = (n_features(block_size, transform),)
        return cls(
            sample_rate=int(document["sample_rate"]),
            block_size=block_size,
            transform=transform,
            sequence_length=int(document["sequence_length"]),
            mean=text_to_array(document["mean"], shape),
            std=text_to_array(document["std"], shape),
            level=float(document["level"]),
        )
