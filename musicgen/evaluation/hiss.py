"""How much noise lies between the tones of a sound, as in a recording with hiss, whatever its sample rate.

Conventions
    As in `audio`: silence and a sound that is too short have a defined value (-60 dB), never NaN.

Metrics
    hiss_db    noise between the tones, beside all there is, in the clearest quarter of the audible moments: attacks,
               breath and drums are noise too, but between them a song is clear, and one with hiss never is
"""

from __future__ import annotations

import numpy as np

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.evaluation import spectral

RATE = 8_000  # Hz: below 4 kHz lies nearly all of a song's sound, and networks for raw sound often make no more
FRAME = 1024  # samples, 128 ms: long enough to see between two semitones from the middle of the piano on
FROM_HZ = 100.0
BAND_BINS = 24  # of 8 Hz: a band in which there is room between the tones
QUIETEST = 0.25  # share of the bins of a band that are taken for noise
NOISE_QUANTILE = -float(np.log(1.0 - QUIETEST))  # of white noise there: so much of its mean power
CLEAREST = 25.0  # percentile of the moments
AUDIBLE_SHARE = 1e-4  # of the power of the loudest moment: 40 dB below it is a pause
LEAST_DB = -60.0


def hiss_db(waveform: Waveform) -> float:
    """Noise beside all there is, in dB: about 0 for white noise, -20 for most songs."""
    mono = waveform.to_mono()
    sound = mono if mono.sample_rate == RATE else resample(mono, RATE)
    first = int(FROM_HZ * FRAME / RATE)
    count = (FRAME // 2 + 1 - first) // BAND_BINS
    shares, levels = [], []
    for power in spectral.frame_powers(sound.samples, FRAME):
        bands = power[:, first : first + count * BAND_BINS].reshape(len(power), count, BAND_BINS)
        noise = np.quantile(bands, QUIETEST, axis=2) / NOISE_QUANTILE
        level = bands.mean(axis=2).sum(axis=1)
        shares.append(noise.sum(axis=1) / np.maximum(level, 1e-20))
        levels.append(level)
    share, level = np.concatenate(shares), np.concatenate(levels)
    audible = level > max(float(level.max()) * AUDIBLE_SHARE, spectral.FLOOR_POWER / BAND_BINS)
    if not audible.any():
        return LEAST_DB
    return float(10 * np.log10(max(np.percentile(share[audible], CLEAREST), 10 ** (LEAST_DB / 10))))
