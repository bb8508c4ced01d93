"""Clicks: places where the wave jumps, as where two pieces of sound were joined without care.

A stroke on a drum or a string is as steep, but goes on; a click is steep for a millisecond, with calm on both sides.

Conventions
    As in `audio`: silence and a sound without samples have none.

Metrics
    clicks_per_minute    clicks in the channel that has most
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform

BLOCK_SECONDS = 0.001
CALM_BLOCKS = 20  # on either side: 20 ms
NEXT_BLOCKS = 2  # directly beside the click, which the filter smears it over
STEEP = 3.0  # times as steep as the steepest moment around it
LOWEST = 0.003  # of full scale; a smaller jump is not heard
MIN_RATE = 2_000  # Hz; below, every wave is steep


def clicks_per_minute(waveform: Waveform) -> float:
    """See the module."""
    if waveform.sample_rate < MIN_RATE or not waveform.n_samples:
        return 0.0
    most = max(len(find_clicks(channel, waveform.sample_rate)) for channel in waveform.samples)
    return 60.0 * most / waveform.seconds


def find_clicks(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """When it clicks, in seconds.

    Args:
        samples: float32, shape (n_samples,).
    """
    block = max(round(BLOCK_SECONDS * sample_rate), 2)
    steepness = _steepness(samples, block)
    reach = CALM_BLOCKS + NEXT_BLOCKS
    if steepness.size < 2 * reach + 1:
        return np.zeros(0)
    padded = np.pad(steepness, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, CALM_BLOCKS).max(axis=1)
    before, after = windows[: steepness.size], windows[reach + 1 + NEXT_BLOCKS :][: steepness.size]
    peaks = np.lib.stride_tricks.sliding_window_view(np.pad(steepness, NEXT_BLOCKS), 2 * NEXT_BLOCKS + 1).max(axis=1)
    is_click = (steepness > LOWEST) & (steepness >= peaks) & (steepness > STEEP * np.maximum(before, after))
    inside = np.zeros(steepness.size, bool)
    inside[1:-1] = True  # a sound may begin and end where it likes
    return np.flatnonzero(is_click & inside) * block / sample_rate


def _steepness(samples: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """The largest fourth difference in each block: what is left of a wave without its slow movements."""
    bend = np.abs(np.diff(samples, n=4, prepend=np.repeat(samples[:1], 2), append=np.repeat(samples[-1:], 2)))
    n_blocks = bend.size // block
    return np.asarray(bend[: n_blocks * block].reshape(n_blocks, block).max(axis=1), np.float32)
