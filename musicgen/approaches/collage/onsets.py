"""Music without a steady beat, cut where notes begin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.frames import SongFrames

Times = NDArray[np.float64]
SHORTEST_SHARE = 0.3  # of the longest unit
AROUND_SECONDS = 0.4
LEAD_SECONDS = 0.02  # cut before the onset, whose place is known to a hundredth of a second


def cut_at_onsets(frames: SongFrames, seconds: float, longest: float) -> Times:
    """The edges of the units in seconds, (n + 1,), from 0 to about `seconds`; none is further than `longest` from the
    next, and none but the last nearer than a third of that."""
    shortest = SHORTEST_SHARE * longest
    edges = [0.0]
    for onset in [*_onsets(frames, shortest), seconds]:
        gap = onset - edges[-1]
        if gap < shortest:
            continue
        parts = int(np.ceil(gap / longest - 1e-9))
        edges += (edges[-1] + gap / parts * np.arange(1, parts + 1)).tolist()
    return np.array(edges)


def _onsets(frames: SongFrames, apart: float) -> list[float]:
    """Times of the peaks of the onset strength that rise above what is usual around them, the strongest first chosen,
    in order of time."""
    strength = frames.onset.astype(np.float64)
    width = max(1, round(AROUND_SECONDS * frames.rate))
    usual = np.convolve(strength, np.ones(2 * width + 1) / (2 * width + 1), "same")[: strength.size]
    is_peak = np.zeros(strength.size, dtype=bool)
    is_peak[1:-1] = (strength[1:-1] >= strength[:-2]) & (strength[1:-1] > strength[2:])
    peaks = np.flatnonzero(is_peak & (strength > 1.5 * usual + 0.05 * strength.max(initial=0.0)))
    chosen: list[int] = []
    for peak in peaks[np.argsort(-strength[peaks], kind="stable")].tolist():
        if all(abs(peak - other) >= apart * frames.rate for other in chosen):
            chosen.append(peak)
    return [max(0.0, peak / frames.rate - LEAD_SECONDS) for peak in sorted(chosen)]
