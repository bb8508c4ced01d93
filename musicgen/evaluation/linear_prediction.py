"""The best linear predictor of a signal from its own past. Knows no networks: the floor under `amplitude_lstm`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.errors import InvalidInput, sentence

BLOCK = 1 << 16  # samples looked at in one go: stays in the processor's cache, and bounds the memory


@dataclass(frozen=True)
class LinearPredictor:
    """next = bias + weights · (last, the one before, …); weights float64, shape (look_back,)."""

    weights: NDArray[np.float64]
    bias: float

    def mse(self, series: Sequence[ArrayLike] | NDArray[np.floating]) -> float:
        """Mean squared error over every window of the series."""
        look_back = len(self.weights)
        total, count = 0.0, 0
        for samples in _list_of_series(series, look_back):
            for block in _blocks(samples, look_back):
                # 'valid' correlation with the weights oldest first: one prediction for each sample with a full past.
                predicted = self.bias + np.correlate(block[:-1], self.weights[::-1], mode="valid")
                difference = block[look_back:] - predicted
                total += float(difference @ difference)
                count += difference.size
        return total / count


def fit_linear_predictor(training: Sequence[ArrayLike] | NDArray[np.floating], look_back: int) -> LinearPredictor:
    """The least-squares linear predictor (covariance method; Makhoul, Linear prediction, Proc. IEEE 63, 1975).

    The normal equations are built from one row of correlations and its edges, so the cost is
    n_samples × look_back and the memory does not grow with the songs.
    """
    if look_back < 1:
        raise InvalidInput(sentence("A predictor looks back at one sample or more", look_back))
    products = np.zeros((look_back + 1, look_back + 1))
    sums, count = np.zeros(look_back + 1), 0
    for samples in _list_of_series(training, look_back):
        products += _lag_products(samples, look_back)
        sums += _lag_sums(samples, look_back)
        count += samples.size - look_back
    covariance = products - np.outer(sums, sums) / count
    weights = np.linalg.lstsq(covariance[1:, 1:], covariance[1:, 0], rcond=None)[0].astype(np.float64)
    return LinearPredictor(weights, float(sums[0] - weights @ sums[1:]) / count)


def _lag_products(samples: NDArray[np.floating], look_back: int) -> NDArray[np.float64]:
    """Σ_t x[t-i]·x[t-j] for i, j = 0 … look_back over every t with a full past; shape (look_back + 1,) * 2."""
    first_row = np.zeros(look_back + 1)
    for block in _blocks(samples, look_back):
        first_row += _correlations(block, look_back)
    head = samples[:look_back].astype(np.float64)
    tail = samples[samples.size - look_back :].astype(np.float64)
    matrix = np.empty((look_back + 1, look_back + 1))
    matrix[0] = first_row
    for i in range(look_back):
        # Σ over t of x[t-i-1]·x[t-j-1] is the sum above it, with its last term swapped for one before its first.
        came = head[look_back - 1 - i] * head[look_back - 1 - np.arange(look_back)]
        went = tail[look_back - 1 - i] * tail[look_back - 1 - np.arange(look_back)]
        matrix[i + 1, 1:] = matrix[i, :-1] + came - went
        matrix[i + 1, 0] = first_row[i + 1]
    return matrix


def _correlations(block: NDArray[np.float64], look_back: int) -> NDArray[np.float64]:
    """Σ_t block[t]·block[t-k] for k = 0 … look_back over t ≥ look_back; by FFT where that is faster."""
    if look_back < 200:
        return np.correlate(block, block[look_back:], mode="valid")[::-1]
    size = 1 << (block.size - 1).bit_length()
    spectrum = np.fft.rfft(block, size) * np.fft.rfft(block[look_back:], size).conj()
    return np.fft.irfft(spectrum, size)[look_back::-1]


def _lag_sums(samples: NDArray[np.floating], look_back: int) -> NDArray[np.float64]:
    """Σ_t x[t-i] for i = 0 … look_back over every t with a full past."""
    sums = np.empty(look_back + 1)
    sums[0] = samples[look_back:].sum(dtype=np.float64)
    came = samples[:look_back][::-1].astype(np.float64)
    went = samples[samples.size - look_back :][::-1].astype(np.float64)
    sums[1:] = sums[0] + np.cumsum(came - went)
    return sums


def _blocks(samples: NDArray[np.floating], look_back: int) -> Iterator[NDArray[np.float64]]:
    """float64 stretches that overlap by `look_back`, so that each sample with a full past is a target once."""
    for start in range(0, samples.size - look_back, BLOCK):
        yield samples[start : start + BLOCK + look_back].astype(np.float64)


def _list_of_series(series: Sequence[ArrayLike] | NDArray[np.floating], look_back: int) -> list[NDArray[np.floating]]:
    arrays = [np.asarray(samples) for samples in as_list(series)]
    if any(samples.ndim != 1 for samples in arrays):
        raise InvalidInput(sentence("A series has shape (n_samples,)", [samples.shape for samples in arrays]))
    long_enough = [samples for samples in arrays if samples.size > look_back]
    if not long_enough:
        longest = max((samples.size for samples in arrays), default=0)
        raise InvalidInput(sentence(f"A window needs {look_back + 1} samples in a row", f"{longest} at most"))
    return long_enough


def as_list(given: Sequence[ArrayLike] | NDArray[np.generic]) -> list[ArrayLike]:
    """One sequence of numbers as a list of one; a list of sequences as it is."""
    listed = list(given[:1]) if len(given) else []
    return [np.asarray(given)] if listed and np.ndim(listed[0]) == 0 else list(given)
