"""Envelopes: the lowest and highest sample of each of many short intervals; waveforms are drawn from them.

An envelope loses no peak, unlike every n-th sample. A long sound has
envelopes at several zoom levels, each four times coarser than the one before; a picture uses the coarsest that is
fine enough or, if none is, the samples themselves. Light: NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import float_to_pcm16, pcm16_to_float

FINEST = 512  # samples in a bucket; for anything finer the samples are read
FACTOR = 4
COARSE_ENOUGH = 1_024  # buckets in the last zoom level, at most (unless there is only one level)


@dataclass(frozen=True)
class Envelope:
    """Extremes over time.

    Attributes:
        time: seconds, shape (n,): the middle of each interval.
        low, high: float32, shape (n_channels, n): the lowest and the highest sample in it.
    """

    time: NDArray[np.float64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True)
class ZoomLevel:
    """Extremes of every `bucket` samples: int16, shape (n_channels, n_buckets)."""

    bucket: int
    low: NDArray[np.int16]
    high: NDArray[np.int16]


class EnvelopeBuilder:
    """Zoom levels of a sound that arrives in pieces; memory grows by 8 bytes for every 512 stereo samples."""

    def __init__(self, n_channels: int) -> None:
        self._carry = np.zeros((n_channels, 0), np.float32)
        self._low: list[NDArray[np.int16]] = []
        self._high: list[NDArray[np.int16]] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """`samples`: float32, shape (n_channels, n)."""
        joined = np.concatenate([self._carry, samples], axis=1)
        n_buckets = joined.shape[1] // FINEST
        if n_buckets:
            self._store(joined[:, : n_buckets * FINEST].reshape(len(joined), n_buckets, FINEST))
        self._carry = joined[:, n_buckets * FINEST :].copy()

    def _store(self, buckets: NDArray[np.float32]) -> None:
        self._low.append(float_to_pcm16(buckets.min(axis=2)))
        self._high.append(float_to_pcm16(buckets.max(axis=2)))

    def levels(self) -> list[ZoomLevel]:
        """The zoom levels of everything added, finest first; the last bucket may be shorter than the others."""
        if self._carry.shape[1]:
            self._store(self._carry[:, np.newaxis, :])
            self._carry = self._carry[:, :0]
        if not self._low:
            empty = np.zeros((len(self._carry), 0), np.int16)
            return [ZoomLevel(FINEST, empty, empty)]
        levels = [ZoomLevel(FINEST, np.concatenate(self._low, axis=1), np.concatenate(self._high, axis=1))]
        while levels[-1].low.shape[1] > COARSE_ENOUGH:
            last = levels[-1]
            edges = np.arange(0, last.low.shape[1], FACTOR)
            low, high = np.minimum.reduceat(last.low, edges, axis=1), np.maximum.reduceat(last.high, edges, axis=1)
            levels.append(ZoomLevel(last.bucket * FACTOR, low, high))
        return levels


def choose_bucket(buckets: list[int], n_samples: int, n_points: int) -> int | None:
    """The coarsest zoom level that still gives `n_points` for `n_samples` samples; None: use the samples."""
    return max((bucket for bucket in buckets if bucket * n_points <= n_samples), default=None)


def envelope_of_level(level: ZoomLevel, start: int, stop: int, n_points: int, sample_rate: int) -> Envelope:
    """Samples `start` to `stop` in at most `n_points` intervals of whole buckets; first and last bucket included."""
    first, last = start // level.bucket, min(-(-stop // level.bucket), level.low.shape[1])
    edges = _edges(last - first, n_points)
    low = np.minimum.reduceat(level.low[:, first:last], edges[:-1], axis=1)
    high = np.maximum.reduceat(level.high[:, first:last], edges[:-1], axis=1)
    bounds = np.clip((first + edges) * level.bucket, start, stop)
    return Envelope(_middles(bounds, sample_rate), pcm16_to_float(low), pcm16_to_float(high))


def envelope_of_samples(samples: NDArray[np.float32], start: int, n_points: int, sample_rate: int) -> Envelope:
    """The same from samples of shape (n_channels, n), the first of which is sample `start` of the sound.

    With no more samples than points, each is a point of its own: `low` and `high` are the waveform."""
    edges = _edges(samples.shape[1], n_points)
    if edges.size < 2:
        return Envelope(np.zeros(0), samples[:, :0], samples[:, :0])
    low = np.minimum.reduceat(samples, edges[:-1], axis=1)
    high = np.maximum.reduceat(samples, edges[:-1], axis=1)
    return Envelope(_middles(start + edges, sample_rate), low, high)


def _edges(n: int, n_points: int) -> NDArray[np.int64]:
    """The bounds of at most `n_points` groups of `n` items, as equal as possible."""
    return np.linspace(0, n, min(n, max(n_points, 1)) + 1).astype(np.int64) if n else np.zeros(1, np.int64)


def _middles(bounds: NDArray[np.int64], sample_rate: int) -> NDArray[np.float64]:
    """Time of the middle sample of each interval; for an interval of one sample, the time of that sample."""
    return (bounds[:-1] + bounds[1:] - 1) / 2 / sample_rate
