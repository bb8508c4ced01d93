"""The best linear predictor of a signal from its own past. Knows no networks: the floor under `amplitude_lstm`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.errors import InvalidInput, sentence

BLOCK = 1 << 16  # samples processed at once: fits in the processor's cache and bounds the memory
MANY = 200  # weights: from this number on, FFT and elimination are faster than sums and singular values


@dataclass(frozen=True)
class LinearPredictor:
    """next = bias + weights · (last, second to last, …); weights float64, shape (look_back,)."""

    weights: NDArray[np.float64]
    bias: float

    def mse(self, series: Sequence[ArrayLike] | NDArray[np.floating]) -> float:
        """Mean squared error over every window of the series."""
        look_back = len(self.weights)
        total, count = 0.0, 0
        for samples in _list_of_series(series, look_back):
            for block in _blocks(samples, look_back):
                difference = block[look_back:] - self.bias - _weighted_pasts(block[:-1], self.weights)
                total += float(difference @ difference)
                count += difference.size
        return total / count


def fit_linear_predictor(training: Sequence[ArrayLike] | NDArray[np.floating], look_back: int) -> LinearPredictor:
    """The least-squares linear predictor (covariance method; Makhoul, Linear prediction, Proc. IEEE 63, 1975).

    The normal equations are built from one row of correlations and its edges, block by block: the time grows with
    n_samples × look_back (less beyond 200, by FFT), the memory with look_back², not with the length of the songs.
    """
    if look_back < 1:
        raise InvalidInput(sentence("A predictor must look back at least one sample", look_back))
    products = np.zeros((look_back + 1, look_back + 1))
    sums, count = np.zeros(look_back + 1), 0
    for samples in _list_of_series(training, look_back):
        _add_lag_products(products, samples, look_back)
        sums += _lag_sums(samples, look_back)
        count += samples.size - look_back
    products -= np.outer(sums, sums / count)
    weights = _solve(products[1:, 1:], products[1:, 0])
    return LinearPredictor(weights, float(sums[0] - weights @ sums[1:]) / count)


def _solve(covariance: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least-squares weights; the smallest ones if several are equally good (silence, pure tones)."""
    if len(covariance) <= MANY:
        return np.linalg.lstsq(covariance, target, rcond=None)[0].astype(np.float64)
    # Noise 120 dB below the signal: no audible difference, and the matrix can be solved without its eigenvalues.
    covariance[np.diag_indices_from(covariance)] += max(1e-12 * float(np.mean(np.diag(covariance))), 1e-300)
    return np.asarray(np.linalg.solve(covariance, target), dtype=np.float64)


def _add_lag_products(total: NDArray[np.float64], samples: NDArray[np.floating], look_back: int) -> None:
    """Add Σ_t x[t-i]·x[t-j] over every t with a full past to `total[i, j]`, i, j = 0 … look_back."""
    row = np.zeros(look_back + 1)
    for block in _blocks(samples, look_back):
        row += _correlations(block, look_back)
    first_row = row
    head = samples[:look_back].astype(np.float64)[::-1]
    tail = samples[samples.size - look_back :].astype(np.float64)[::-1]
    total[0] += row
    for i in range(look_back):
        # Σ over t of x[t-i-1]·x[t-j-1] is the sum above it, with its last term swapped for one before its first.
        row = np.concatenate([first_row[i + 1 : i + 2], row[:-1] + head[i] * head - tail[i] * tail])
        total[i + 1] += row


def _correlations(block: NDArray[np.float64], look_back: int) -> NDArray[np.float64]:
    """Σ_t block[t]·block[t-k] for k = 0 … look_back over t ≥ look_back; by FFT if that is faster."""
    if look_back < MANY:
        return np.correlate(block, block[look_back:], mode="valid")[::-1]
    size = 1 << (block.size - 1).bit_length()
    spectrum = np.fft.rfft(block, size) * np.fft.rfft(block[look_back:], size).conj()
    return np.fft.irfft(spectrum, size)[look_back::-1]


def _weighted_pasts(block: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ_k weights[k]·block[t-1-k] for each t with a full past; shape (block.size - weights.size + 1,)."""
    if weights.size < MANY:
        return np.correlate(block, weights[::-1], mode="valid")
    size = 1 << (block.size - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(block, size) * np.fft.rfft(weights, size), size)
    return filtered[weights.size - 1 : block.size]


def _lag_sums(samples: NDArray[np.floating], look_back: int) -> NDArray[np.float64]:
    """Σ_t x[t-i] for i = 0 … look_back over every t with a full past."""
    sums = np.empty(look_back + 1)
    sums[0] = samples[look_back:].sum(dtype=np.float64)
    came = samples[:look_back][::-1].astype(np.float64)
    went = samples[samples.size - look_back :][::-1].astype(np.float64)
    sums[1:] = sums[0] + np.cumsum(came - went)
    return sums


def _blocks(samples: NDArray[np.floating], look_back: int) -> Iterator[NDArray[np.float64]]:
    """float64 blocks that overlap by `look_back`, so that each sample with a full past is a target once."""
    for start in range(0, samples.size - look_back, BLOCK):
        yield samples[start : start + BLOCK + look_back].astype(np.float64)


def _list_of_series(series: Sequence[ArrayLike] | NDArray[np.floating], look_back: int) -> list[NDArray[np.floating]]:
    arrays = [np.asarray(samples) for samples in as_list(series)]
    if any(samples.ndim != 1 for samples in arrays):
        raise InvalidInput(sentence("A series must have shape (n_samples,)", [samples.shape for samples in arrays]))
    long_enough = [samples for samples in arrays if samples.size > look_back]
    if not long_enough:
        longest = max((samples.size for samples in arrays), default=0)
        raise InvalidInput(sentence(f"A window needs {look_back + 1} samples in a row", f"{longest} at most"))
    return long_enough


def as_list(given: Sequence[ArrayLike] | NDArray[np.generic]) -> list[ArrayLike]:
    """One sequence of numbers as a list of one; a list of sequences as it is."""
    listed = list(given[:1]) if len(given) else []
    return [np.asarray(given)] if listed and np.ndim(listed[0]) == 0 else list(given)
