"""Metrics of a generated sound and a reference sound, and of the two together.

Conventions
    Both are Waveforms; the reference comes first, the generated sound second. Levels are dB of full scale (0 dB: a
    sample of ±1), never below -120. A sound without samples is an error; silence is not: its levels are -120 dB, its
    spectral centroid 0 Hz, its loop correlation 0. Two silent sounds are equal (correlation 1, distance 0); silence
    and sound are not (correlation 0). No metric is ever NaN.
    Before two sounds are compared, both are brought to the lower sample rate and the shorter length.

Metrics
    rms_db, peak_db           average and highest level
    silence_share             share of the time that is silent
    clipping_share            share of the samples cut off at full scale
    spectral_centroid         brightness: the centre of the spectrum, in Hz
    loop_correlation          how exactly the sound repeats itself, block by block, at the best period
    loop_seconds              that period
    pattern_correlation       the same for the levels of its bands: finds loops whose waveform differs each time
    pattern_seconds           that period
    dc_share, crest_factor_db, level_range_db    see `dynamics`
    spectral_flatness         how noisy it is: see `spectral.noise_flatness`
    stillness                 whether its tones ever change: see `fine_structure`
    clicks_per_minute         jumps of the wave: see `joints`
    hiss_db                   noise between the tones: see `hiss`
    log_spectral_distance_db  distance of the two spectra, frame by frame
    chroma_correlation        whether both use the same pitch classes, at whatever time
    best_lag_correlation      whether one waveform is a copy of the other, shifted by up to ten seconds
    best_lag_seconds          that shift; positive: the generated sound comes later
    level_difference_db       how much louder the generated sound is
"""

from __future__ import annotations

import numpy as np

from musicgen.audio.levels import measure_levels, peak_db, rms_db, silence_share
from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation import dynamics, fine_structure, hiss, joints, lags, patterns, spectral

__all__ = [
    "best_lag_correlation",
    "chroma_correlation",
    "clipping_share",
    "describe",
    "evaluate",
    "find_best_lag",
    "find_loop",
    "level_difference_db",
    "log_spectral_distance_db",
    "loop_correlation",
    "peak_db",
    "rms_db",
    "silence_share",
    "spectral_centroid",
    "spectral_flatness",
    "validate",
]

SILENCE_DB = -80.0  # when two sounds are compared, one whose peak is below this counts as silent
FULL_SCALE = 0.999
MIN_CLIPPED = 3  # samples in a row at full scale; one or two may be a peak that just fits
FRAME_SECONDS = 0.046  # short enough to follow single notes
FLATNESS_SECONDS = 0.093  # long enough to tell tones from bands of noise
CHROMA_SECONDS = 0.37  # long enough to tell neighbouring semitones apart
MAX_LAG_SECONDS = 10.0
LOOP_RATE = 8_000  # Hz: enough to recognise a repetition, at a fifth of the cost
LOOP_BLOCK_SECONDS = 1.0
LOOP_LAG_SECONDS = (0.1, 5.1)
MIN_LOOP_SECONDS = 1.0


def validate(reference: Waveform, generated: Waveform) -> None:
    """Raises InvalidInput where either sound has no samples."""
    for name, waveform in (("original", reference), ("generated piece", generated)):
        if not waveform.n_samples:
            raise InvalidInput(sentence("Only sounds with samples can be compared", f"an empty {name}"))


def clipping_share(waveform: Waveform) -> float:
    """Share of the samples in runs of three or more at full scale with the same sign, 0 … 1."""
    clipped = 0
    for channel in waveform.samples:
        for sign in (1, -1):
            edges = np.flatnonzero(np.diff(channel * sign >= FULL_SCALE, prepend=False, append=False))
            runs = edges[1::2] - edges[::2]
            clipped += int(runs[runs >= MIN_CLIPPED].sum())
    return clipped / max(waveform.samples.size, 1)


def spectral_centroid(waveform: Waveform) -> float:
    """Mean over the audible frames of the magnitude-weighted mean frequency, in Hz; 0 for silence."""
    n_fft = spectral.frame_length(waveform.sample_rate, FRAME_SECONDS)
    return spectral.mean_centroid(waveform.samples, waveform.sample_rate, n_fft)


def spectral_flatness(waveform: Waveform) -> float:
    """How noisy the sound is, 0 … 1: see `spectral.noise_flatness`."""
    n_fft = spectral.frame_length(waveform.sample_rate, FLATNESS_SECONDS)
    return spectral.noise_flatness(waveform.samples, waveform.sample_rate, n_fft)


def find_loop(waveform: Waveform) -> tuple[float, float]:
    """(loop_correlation, loop_seconds): see `lags.best_loop`; (0.0, 0.0) for silence and under a second.

    Measured in the loudest channel, in blocks of a second, for periods of 0.1 to 5 seconds; less for a short sound.
    """
    if waveform.seconds < MIN_LOOP_SECONDS or _is_silent(waveform):
        return 0.0, 0.0
    loudest = int(np.argmax([float(np.dot(channel, channel)) for channel in waveform.samples]))
    swing = waveform.samples[loudest] - waveform.samples[loudest].mean(dtype=np.float64).astype(np.float32)
    channel = _resampled(Waveform(np.clip(swing, -1.0, 1.0), waveform.sample_rate), LOOP_RATE)
    rate, n_samples = channel.sample_rate, channel.n_samples
    block = min(int(LOOP_BLOCK_SECONDS * rate), n_samples // 4)
    longest = min(int(LOOP_LAG_SECONDS[1] * rate), n_samples // 2)
    correlation, lag = lags.best_loop(channel.samples[0], block, int(LOOP_LAG_SECONDS[0] * rate), longest)
    return correlation, lag / rate


def loop_correlation(waveform: Waveform) -> float:
    """Mean correlation of a block with the sound one period later, at the best period; 1: the same bar repeated."""
    return find_loop(waveform)[0]


def log_spectral_distance_db(reference: Waveform, generated: Waveform) -> float:
    """Root mean square difference of the two log spectra, frame by frame, in dB; 0: equal. Level matters."""
    validate(reference, generated)
    one, other = _aligned(reference, generated)
    n_fft = spectral.frame_length(one.sample_rate, FRAME_SECONDS)
    return spectral.log_distance_db(one.samples, other.samples, n_fft)


def chroma_correlation(reference: Waveform, generated: Waveform) -> float:
    """Pearson correlation of the pitch-class profiles, -1 … 1: whether both use the same notes, at whatever time."""
    validate(reference, generated)
    one, other = _aligned(reference, generated)
    n_fft = spectral.frame_length(one.sample_rate, CHROMA_SECONDS)
    profiles = [spectral.chroma_profile(w.samples, w.sample_rate, n_fft) for w in (one, other)]
    if not profiles[0].any() or not profiles[1].any():
        return float(not profiles[0].any() and not profiles[1].any())
    spread = [profile - profile.mean() for profile in profiles]
    scale = np.sqrt((spread[0] @ spread[0]) * (spread[1] @ spread[1]))
    return float(np.clip(spread[0] @ spread[1] / scale, -1.0, 1.0)) if scale > 0 else 0.0


def find_best_lag(reference: Waveform, generated: Waveform) -> tuple[float, float]:
    """(best_lag_correlation, best_lag_seconds): the strongest cross-correlation over shifts of up to ten seconds.

    The two overlap by at least half. Channel by channel if both have as many channels, else in mono.
    Near -1 the generated waveform is the reference with inverted polarity, which sounds the same.
    """
    validate(reference, generated)
    silent = (_is_silent(reference), _is_silent(generated))
    if any(silent):
        return float(all(silent)), 0.0
    one, other = _aligned(reference, generated)
    if one.n_channels != other.n_channels:
        one, other = one.to_mono(), other.to_mono()
    max_lag = min(int(MAX_LAG_SECONDS * one.sample_rate), one.n_samples // 2)
    correlation, lag = lags.best_lag(one.samples, other.samples, max_lag)
    return correlation, lag / one.sample_rate


def best_lag_correlation(reference: Waveform, generated: Waveform) -> float:
    """See `find_best_lag`."""
    return find_best_lag(reference, generated)[0]


def level_difference_db(reference: Waveform, generated: Waveform) -> float:
    """How much louder the generated sound is than the reference, in dB; negative: quieter."""
    validate(reference, generated)
    return rms_db(generated) - rms_db(reference)


def describe(waveform: Waveform) -> dict[str, float]:
    """All metrics of one sound."""
    validate(waveform, waveform)
    loop, period = find_loop(waveform)
    pattern, pattern_period = patterns.best_pattern(waveform.samples, waveform.sample_rate)
    return {
        **measure_levels(waveform),  # rms_db, peak_db, silence_share
        "clipping_share": clipping_share(waveform),
        "spectral_centroid": spectral_centroid(waveform),
        "loop_correlation": loop,
        "loop_seconds": period,
        "pattern_correlation": pattern,
        "pattern_seconds": pattern_period,
        "crest_factor_db": dynamics.crest_factor_db(waveform),
        "level_range_db": dynamics.level_range_db(waveform),
        "dc_share": dynamics.dc_share(waveform),
        "spectral_flatness": spectral_flatness(waveform),
        "stillness": fine_structure.stillness(waveform),
        "clicks_per_minute": joints.clicks_per_minute(waveform),
        "hiss_db": hiss.hiss_db(waveform),
    }


def evaluate(reference: Waveform, generated: Waveform) -> dict[str, dict[str, float]]:
    """All metrics: of `reference`, of `generated`, and `between` the two."""
    validate(reference, generated)
    one, other = _aligned(reference, generated)
    correlation, lag = find_best_lag(one, other)
    between = {
        "log_spectral_distance_db": log_spectral_distance_db(one, other),
        "chroma_correlation": chroma_correlation(one, other),
        "best_lag_correlation": correlation,
        "best_lag_seconds": lag,
        "level_difference_db": level_difference_db(reference, generated),
    }
    return {"reference": describe(reference), "generated": describe(generated), "between": between}


def _is_silent(waveform: Waveform) -> bool:
    return peak_db(waveform) <= SILENCE_DB


def _resampled(waveform: Waveform, sample_rate: int) -> Waveform:
    from musicgen.audio.resampling import resample

    return waveform if waveform.sample_rate <= sample_rate else resample(waveform, sample_rate)


def _aligned(reference: Waveform, generated: Waveform) -> tuple[Waveform, Waveform]:
    """Both at the lower of the two sample rates and at the shorter length."""
    rate = min(reference.sample_rate, generated.sample_rate)
    one, other = _resampled(reference, rate), _resampled(generated, rate)
    shorter = min(one.n_samples, other.n_samples)
    return one.between(0, shorter), other.between(0, shorter)
