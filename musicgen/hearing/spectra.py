"""How strong the sound is at each pitch, frame by frame: what a network that hears notes leaves out. NumPy only.

Two spectra of each frame: one of 46 ms, which shows when something begins, and one of 186 ms, which tells low pitches
apart. Their bins are summed into bands of a semitone to both sides of a pitch (at least a bin to both sides).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from musicgen.hearing.windows import EDGE_FRAMES, HOP, KEPT_FRAMES, SAMPLE_RATE, Samples

SIZES = (1024, 4096)  # samples; both fit into what a window has beyond its kept frames
LOWEST = 21  # the MIDI pitch of the first band, A0
NUM_BANDS = 106  # up to the highest frequency that there is; the last one is always empty
FAINTEST = 1e-7  # magnitude; weaker sound counts as this
QUIET = 1e-4  # relative to the level of the song: weaker sound counts as this
MIDDLE, SPREAD = -5.0, 3.0  # of the logarithm, so that what the judge sees is about -1 to 1

Spectra = NDArray[np.float16]


def pitch_spectra(window: Samples) -> Spectra:
    """The logarithm of the strength at each pitch of the kept frames of a window, shape (KEPT_FRAMES, 2, NUM_BANDS)."""
    found = []
    for size in SIZES:
        start = EDGE_FRAMES * HOP - size // 2
        stretch = window[start : start + (KEPT_FRAMES - 1) * HOP + size]
        frames = np.lib.stride_tricks.sliding_window_view(stretch, size)[::HOP]
        magnitude = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)).astype(np.float32)
        found.append(np.log(magnitude @ _bands(size) / size + FAINTEST))
    return np.stack(found, axis=1).astype(np.float16)


def beside_level(spectra: Spectra, level: float) -> Spectra:
    """`pitch_spectra` of a whole song, relative to its level (root mean square), for the judge. Changes them in place:
    those of an hour take 140 MB."""
    for start in range(0, len(spectra), KEPT_FRAMES):
        part = np.exp(spectra[start : start + KEPT_FRAMES].astype(np.float32)) / max(level, FAINTEST)
        spectra[start : start + KEPT_FRAMES] = (np.log(part + QUIET) - MIDDLE) / SPREAD
    return spectra


@cache
def _bands(size: int) -> NDArray[np.float32]:
    """The share of each bin in each band, shape (size // 2 + 1, NUM_BANDS)."""
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)[:, np.newaxis]
    middle = 440.0 * 2.0 ** ((LOWEST + np.arange(NUM_BANDS) - 69) / 12)
    bin_width = SAMPLE_RATE / size
    lowest = np.minimum(middle * 2 ** (-1 / 12), middle - bin_width)
    highest = np.maximum(middle * 2 ** (1 / 12), middle + bin_width)
    rising, falling = (frequency - lowest) / (middle - lowest), (highest - frequency) / (highest - middle)
    return np.maximum(np.minimum(rising, falling), 0.0).astype(np.float32)
