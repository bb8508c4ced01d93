"""Resamples a waveform. Imports soxr when used: workers and children only."""

from __future__ import annotations

import numpy as np

from musicgen.audio.waveform import Waveform


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """The same sound at `sample_rate` Hz, by soxr at its high quality (20-bit; pass band to 0.91 of the new Nyquist).

    The filter can overshoot a waveform that touches full scale; the overshoot is clipped.
    """
    import soxr

    if sample_rate == waveform.sample_rate:
        return waveform
    resampled = soxr.resample(waveform.samples.T, waveform.sample_rate, sample_rate, quality="HQ")
    return Waveform(np.clip(resampled.T, -1.0, 1.0), sample_rate)
