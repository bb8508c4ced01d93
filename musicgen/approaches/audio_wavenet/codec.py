"""Sound ↔ the levels that a WaveNet on raw audio reads and predicts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.mu_law import mu_law_to_samples, samples_to_mu_law
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform

LINEAR_LEVELS = 65_536


@dataclass(frozen=True)
class RawAudioCodec:
    """Waveform ↔ levels, one channel.

    Attributes:
        levels: 65,536 are evenly spaced; fewer follow the mu-law. level: RMS of the training music, full scale = 1.
    """

    sample_rate: int
    levels: int
    level: float

    def encode(self, waveform: Waveform) -> NDArray[np.int32]:
        """Waveform of any rate and channels → levels, shape (n_samples,)."""
        return self.samples_to_levels(resample(waveform.to_mono(), self.sample_rate).samples[0])

    def decode(self, ids: NDArray[np.integer]) -> Waveform:
        """Levels (n_samples,) → waveform. Inverse of `encode`, up to the rounding to a level."""
        return Waveform(self.levels_to_samples(ids)[None], self.sample_rate)

    def samples_to_levels(self, samples: NDArray[np.floating]) -> NDArray[np.int32]:
        """Samples in [-1, 1], any shape → levels, same shape."""
        if self.levels < LINEAR_LEVELS:
            return samples_to_mu_law(samples, self.levels)
        return np.rint((np.clip(samples, -1.0, 1.0) + 1.0) / 2.0 * (self.levels - 1)).astype(np.int32)

    def levels_to_samples(self, ids: NDArray[np.integer]) -> NDArray[np.float32]:
        """Inverse of `samples_to_levels`."""
        if self.levels < LINEAR_LEVELS:
            return mu_law_to_samples(ids, self.levels)
        return (2.0 * ids.astype(np.float64) / (self.levels - 1) - 1.0).astype(np.float32)

    def disturbed(self, ids: NDArray[np.int32], noise: NDArray[np.floating]) -> NDArray[np.int32]:
        """Levels with noise added, any shape. `noise` has the same shape, in steps of a mu-law with 256 levels.

        For evenly spaced levels, a step is as wide as in the mu-law: the louder, the wider. `choice.heard_as` does the
        same in the compiled sampler."""
        width: Any = 1.0
        if self.levels == LINEAR_LEVELS:
            loudness = np.abs(2.0 * ids / (self.levels - 1) - 1.0)
            width = (self.levels - 1) * math.log(256) / 255 * (1 / 255 + loudness)
        return np.clip(np.rint(ids + noise * width), 0, self.levels - 1).astype(np.int32)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RawAudioCodec:
        return cls(int(document["sample_rate"]), int(document["levels"]), float(document["level"]))
