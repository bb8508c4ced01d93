"""Whether the tones of a sound change: a drone, or one chord struck again and again, has the same ones all the time.

Conventions
    As in `audio`: silence and a sound that is too short have a defined value (0), never NaN.

Metrics
    stillness    how alike the tones are now and one to six seconds later, -1 … 1. Near 1 for a drone, with or without
                 hiss, and for one chord in any rhythm; near 0 for noise, whose spectrum never has the same peaks twice
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.evaluation import spectral

FRAME_SECONDS = 0.37  # long enough to tell neighbouring semitones apart
LAG_SECONDS = (1.0, 6.0)
MIN_SECONDS = 3.0
PITCHES = (36, 97)  # C2 … C7
NEIGHBOURS = 6  # semitones on either side: what is as wide as that is timbre or noise, not a tone
AUDIBLE_SHARE = 1e-4  # of the power of the loudest frame: 40 dB below it is a pause
QUIET_TONE = 0.02  # of the loudest tone of the piece: what is softer counts for less


def stillness(waveform: Waveform) -> float:
    """Mean correlation of the tones of audible moments that lie one to six seconds apart."""
    if waveform.seconds < MIN_SECONDS:
        return 0.0
    n_fft = spectral.frame_length(waveform.sample_rate, FRAME_SECONDS)
    tones, is_audible = _tones(waveform, n_fft)
    step = n_fft / 2 / waveform.sample_rate
    lags = range(round(LAG_SECONDS[0] / step), min(round(LAG_SECONDS[1] / step), len(tones) - 1) + 1)
    total = pairs = 0.0
    for lag in lags:
        both = is_audible[lag:] & is_audible[:-lag]
        total += float((tones[lag:] * tones[:-lag]).sum(axis=1)[both].sum())
        pairs += float(both.sum())
    return total / pairs if pairs else 0.0


def _tones(waveform: Waveform, n_fft: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(the tones of each frame, of length 1 or 0, shape (n_frames, semitones); whether it is audible)."""
    bands = _bands(waveform.sample_rate, n_fft)
    power = np.concatenate([block @ bands for block in spectral.frame_powers(waveform.samples, n_fft)])
    level = power.sum(axis=1)
    is_audible = level > max(float(level.max()) * AUDIBLE_SHARE, spectral.FLOOR_POWER)
    loudest = max(float(power.max()), spectral.FLOOR_POWER)
    heard = np.log1p(np.sqrt(power / loudest) / QUIET_TONE)
    width = 2 * NEIGHBOURS + 1
    around = np.pad(heard, ((0, 0), (NEIGHBOURS, NEIGHBOURS)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(around, width, axis=1).mean(axis=2)
    tones = np.maximum(heard - around, 0.0)
    tones -= tones.mean(axis=1, keepdims=True)
    length = np.linalg.norm(tones, axis=1, keepdims=True)
    return np.divide(tones, length, out=np.zeros_like(tones), where=length > 1e-9), is_audible


def _bands(sample_rate: int, n_fft: int) -> NDArray[np.float64]:
    """Which bins belong to which semitone, shape (bins, semitones)."""
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    pitch = np.rint(69 + 12 * np.log2(np.maximum(frequency, 1.0) / spectral.TUNING)).astype(int)
    return (pitch[:, None] == np.arange(*PITCHES)).astype(np.float64)
