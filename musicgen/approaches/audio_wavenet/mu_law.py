"""Samples as mu-law levels and back: few levels, finer near silence, where the ear is most sensitive (ITU-T G.711,
without its piecewise approximation; van den Oord et al., WaveNet, 2016, section 2.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def samples_to_mu_law(samples: NDArray[np.floating], levels: int = 256) -> NDArray[np.int32]:
    """Samples in [-1, 1], any shape → levels 0 … levels - 1, same shape. Inverse: `mu_law_to_samples`."""
    mu = levels - 1
    x = np.clip(samples, -1.0, 1.0)
    companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.rint((companded + 1.0) / 2.0 * mu).astype(np.int32)


def mu_law_to_samples(ids: NDArray[np.integer], levels: int = 256) -> NDArray[np.float32]:
    """Levels 0 … levels - 1 → samples in [-1, 1]. Inverse: `samples_to_mu_law`, up to the rounding to a level."""
    mu = levels - 1
    companded = 2.0 * ids.astype(np.float64) / mu - 1.0
    return (np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu).astype(np.float32)
