"""How much noise lies between the tones of a sound, as in a recording with hiss, up to 11 kHz.

Conventions
    As in `audio`: silence and a sound that is too short have a defined value (-60 dB), never NaN.

Metrics
    hiss_db    noise compared with the whole sound, in the clearest quarter of the audible moments. Low chords are clear
               only in long frames and fast runs only in short ones; noise is noise in all of them, so the frame with
               the least noise counts
"""

from __future__ import annotations

import numpy as np

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.evaluation import spectral

RATE = 22_050  # Hz
FRAMES = (1024, 2048, 4096, 8192)  # samples: 46 to 372 ms
FROM_HZ = 100.0
BAND_BINS = 24  # a band in which there is room between the tones
QUIETEST = 0.25  # share of the bins of a band that are taken for noise
NOISE_QUANTILE = -float(np.log(1.0 - QUIETEST))  # of white noise there: so much of its mean power
CLEAREST = 25.0  # percentile of the moments
AUDIBLE_SHARE = 1e-4  # of the power of the loudest moment: 40 dB below it is a pause
LEAST_DB = -60.0


def hiss_db(waveform: Waveform) -> float:
    """Noise compared with the whole sound, in dB: about 0 for white noise, -20 or less for most songs."""
    sound = waveform if waveform.sample_rate == RATE else resample(waveform, RATE)
    if sound.n_samples < FRAMES[-1]:
        return LEAST_DB
    share = min(_noise_share(sound, size) for size in FRAMES)
    return float(10 * np.log10(max(share, 10 ** (LEAST_DB / 10))))


def _noise_share(sound: Waveform, size: int) -> float:
    """In frames of this size."""
    first = int(np.ceil(FROM_HZ * size / RATE))
    count = (size // 2 + 1 - first) // BAND_BINS
    shares, levels = [], []
    for power in spectral.frame_powers(sound.samples, size):
        bands = power[:, first : first + count * BAND_BINS].reshape(len(power), count, BAND_BINS)
        noise = np.quantile(bands, QUIETEST, axis=2) / NOISE_QUANTILE
        level = bands.mean(axis=2).sum(axis=1)
        shares.append(noise.sum(axis=1) / np.maximum(level, 1e-20))
        levels.append(level)
    share, level = np.concatenate(shares), np.concatenate(levels)
    audible = level > max(float(level.max()) * AUDIBLE_SHARE, spectral.FLOOR_POWER / BAND_BINS)
    return float(np.percentile(share[audible], CLEAREST)) if audible.any() else 0.0
