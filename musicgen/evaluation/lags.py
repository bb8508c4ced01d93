"""The shift at which two sounds match best, and the period after which one sound repeats itself.

Lags are in samples here; a positive lag means that the second sound comes later. Correlations lie in [-1, 1].
Knows no files and no spectra.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 19
SAME = 1e-6  # correlations this close are equal; the smaller lag wins, so that a tone is not "shifted by ten periods"
MIN_ENERGY_SHARE = 0.1  # an overlap with less of either sound's energy than this proves nothing
BLOCKS_AT_ONCE = 16
MIN_BLOCK_POWER, MIN_BLOCK_SHARE = 1e-8, 1e-4  # blocks under -80 dB, or 40 dB under the average, are pauses


def best_lag(first: NDArray[np.float32], second: NDArray[np.float32], max_lag: int) -> tuple[float, int]:
    """The strongest normalised cross-correlation over all lags from -max_lag to max_lag.

    Per channel with its mean removed, summed over the channels, divided by the energies of the overlapping parts.

    Args:
        first, second: float32, shape (n_channels, n_samples), same shape. max_lag: below n_samples.

    Returns:
        (correlation, lag): negative if one has inverted polarity; (0.0, 0) if either is silent.
    """
    one, other = _without_mean(first), _without_mean(second)
    products = _cross_products(one, other, max_lag)  # (2 * max_lag + 1,)
    energy_one, energy_other = _overlap_energy(one, max_lag), _overlap_energy(other, max_lag)[::-1]
    enough = (energy_one > MIN_ENERGY_SHARE * energy_one[max_lag]) & (
        energy_other > MIN_ENERGY_SHARE * energy_other[max_lag]
    )
    correlation = np.zeros(products.size)
    np.divide(products, np.sqrt(energy_one * energy_other), out=correlation, where=enough)
    strength = np.abs(correlation)
    if strength.max() <= 0.0:
        return 0.0, 0
    lags = np.flatnonzero(strength >= strength.max() - SAME) - max_lag
    lag = int(lags[np.argmin(np.abs(lags))])
    return float(np.clip(correlation[lag + max_lag], -1.0, 1.0)), lag


def _without_mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return samples - samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)


def _cross_products(one: NDArray[np.float32], other: NDArray[np.float32], max_lag: int) -> NDArray[np.float64]:
    """Σ_t one[t]·other[t + lag] for lag = -max_lag … max_lag; block spectra are summed and transformed back once."""
    size = 1 << (BLOCK + 2 * max_lag - 1).bit_length()
    step = size - 2 * max_lag
    total = np.zeros(size // 2 + 1, dtype=np.complex128)
    padded_length = one.shape[1]
    for start in range(0, padded_length, step):
        around = (start - max_lag, min(start + step, padded_length) + max_lag)
        for channel, partner in zip(one, other, strict=True):
            wide = partner[max(around[0], 0) : around[1]]
            wide = np.pad(wide, (max(-around[0], 0), 0))
            total += np.fft.rfft(wide, size) * np.fft.rfft(channel[start : start + step], size).conj()
    return np.fft.irfft(total, size)[: 2 * max_lag + 1]


def _overlap_energy(samples: NDArray[np.float32], max_lag: int) -> NDArray[np.float64]:
    """Energy of the part of the first sound that overlaps the second one, for lag = -max_lag … max_lag."""
    n_samples = samples.shape[1]
    total = sum(_energy(channel) for channel in samples)
    head = (samples[:, :max_lag].astype(np.float64) ** 2).sum(axis=0).cumsum()
    tail = (samples[:, n_samples - max_lag :].astype(np.float64) ** 2).sum(axis=0)[::-1].cumsum()
    return np.concatenate([total - head[::-1], [total], total - tail])


def _energy(channel: NDArray[np.float32]) -> float:
    """Sum of squares in float64, without a float64 copy of the whole array."""
    blocks = (channel[start : start + BLOCK].astype(np.float64) for start in range(0, channel.size, BLOCK))
    return sum(float(block @ block) for block in blocks)


def best_loop(samples: NDArray[np.float32], block: int, min_lag: int, max_lag: int) -> tuple[float, int]:
    """The lag at which the sound is most like itself, and how alike it is.

    The sound is cut into blocks; each is correlated with the sound `lag` samples later; the mean over the blocks
    is the strength of that lag. A loop or a held tone keeps one period from block to block; music seldom does.

    Args:
        samples: float32, shape (n_samples,), at least block + max_lag of them.

    Returns:
        (correlation, lag); (0.0, 0) if no block is loud enough to be audible.
    """
    sums, counts = np.zeros(max_lag + 1), np.zeros(max_lag + 1)
    squares = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    pause = block * max(MIN_BLOCK_POWER, MIN_BLOCK_SHARE * squares[-1] / samples.size)
    starts = np.arange(0, samples.size - block - min_lag + 1, block)
    for first in range(0, starts.size, BLOCKS_AT_ONCE):
        correlation, is_valid = _block_correlations(
            samples, squares, starts[first : first + BLOCKS_AT_ONCE], block, max_lag, pause
        )
        sums += correlation.sum(axis=0)
        counts += is_valid.sum(axis=0)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)
    mean[:min_lag] = 0.0
    if mean.max() <= 0.0:
        return 0.0, 0
    lag = int(np.argmax(mean >= mean.max() - 1e-3))  # the period itself rather than a multiple of it
    while lag < max_lag and mean[lag + 1] > mean[lag]:
        lag += 1
    return float(min(mean.max(), 1.0)), lag


def _block_correlations(
    samples: NDArray[np.float32],
    squares: NDArray[np.float64],
    starts: NDArray[np.int64],
    block: int,
    max_lag: int,
    pause: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Correlation of each block with the sound at each lag, and where both exist; shapes (n_blocks, max_lag + 1)."""
    size = 1 << (block + max_lag - 1).bit_length()
    index = starts[:, None] + np.arange(block + max_lag)
    wide = np.where(index < samples.size, samples[np.minimum(index, samples.size - 1)], np.float32(0))
    spectrum = np.fft.rfft(wide, size) * np.fft.rfft(wide[:, :block], size).conj()
    products = np.fft.irfft(spectrum, size)[:, : max_lag + 1]
    begin = starts[:, None] + np.arange(max_lag + 1)
    exists = begin + block <= samples.size
    energy = squares[np.minimum(begin + block, samples.size)] - squares[np.minimum(begin, samples.size)]
    is_loud = energy[:, :1] > pause
    scale = np.sqrt(energy * energy[:, :1])
    is_valid = exists & is_loud
    correlation = np.zeros(products.shape)
    np.divide(products, scale, out=correlation, where=is_valid & (energy > pause))
    return correlation, is_valid
