"""What comes back in a piece, and a few measures of sound that only listeners' tables need. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.evaluation import spectral
from musicgen.evaluation.audio import CHROMA_SECONDS
from musicgen.evaluation.note_events import first_notes
from musicgen.symbolic.score import Score

MAX_NOTES = 4_000
PLACES = 16  # of a bar
ALIKE = 0.8  # of two bars: the same figure, give or take a note
ONSET_SECONDS = 0.046
PEAK = 1.5  # times the mean rise around it
AROUND = 10  # frames


def returns(score: Score, num_bars: int) -> float:
    """Share of the stretches of `num_bars` bars that come back later at the same pitches, 0 … 1."""
    rows = _bars(first_notes(score, MAX_NOTES))
    count = len(rows) - num_bars + 1
    if count < num_bars + 1:
        return 0.0
    stretches = np.stack([np.concatenate(rows[start : start + num_bars]) for start in range(count)]).astype(np.float64)
    sizes = np.sqrt((stretches**2).sum(axis=1))
    scale = np.maximum(sizes[:, None] * sizes[None], 1e-9)
    alike = stretches @ stretches.T / scale
    apart = np.arange(count)[None] - np.arange(count)[:, None] >= num_bars
    is_heard = sizes > 0
    found = ((alike >= ALIKE) & apart).any(axis=1) & is_heard
    return float(found.sum() / max(is_heard.sum(), 1))


def _bars(score: Score) -> list[NDArray[np.bool_]]:
    """Of each bar, which pitches begin at which of its places, shape (PLACES * 128,)."""
    length = bar_beats(score) * score.ticks_per_beat
    if not score.num_notes:
        return []
    bar, inside = np.divmod(score.notes["onset_ticks"], length)
    place = np.minimum(np.rint(inside / length * PLACES).astype(int), PLACES - 1)
    table = np.zeros((int(bar.max()) + 1, PLACES, 128), bool)
    table[bar.astype(int), place, score.notes["pitch"]] = True
    return [each.reshape(-1) for each in table]


def bar_beats(score: Score) -> float:
    """The length of a bar in beats by the last signature of the opening; 4 without one."""
    if not score.time_signatures:
        return 4.0
    signature = score.time_signatures[min(1, len(score.time_signatures) - 1)]  # the first may be that of an upbeat
    return 4.0 * signature.numerator / signature.denominator


def chroma_entropy(waveform: Waveform) -> float:
    """How evenly the pitch classes are used, in bits; 0 for silence."""
    n_fft = spectral.frame_length(waveform.sample_rate, CHROMA_SECONDS)
    profile = spectral.chroma_profile(waveform.samples, waveform.sample_rate, n_fft)
    shares = profile[profile > 0] / max(float(profile.sum()), 1e-12)
    return float(abs(shares @ np.log2(shares))) if shares.size else 0.0


def onset_rate(waveform: Waveform) -> float:
    """Onsets a second: peaks of the rise of the compressed spectrum (spectral flux)."""
    n_fft = spectral.frame_length(waveform.sample_rate, ONSET_SECONDS)
    power = np.concatenate(list(spectral.frame_powers(waveform.samples, n_fft)))
    heard = np.log1p(1_000 * np.sqrt(power / max(float(power.max()), 1e-12)))
    flux = np.maximum(np.diff(heard, axis=0), 0.0).sum(axis=1)
    if flux.size < 3:
        return 0.0
    mean = np.convolve(flux, np.full(2 * AROUND + 1, 1 / (2 * AROUND + 1)), "same")
    is_peak = (flux[1:-1] > flux[:-2]) & (flux[1:-1] >= flux[2:]) & (flux[1:-1] > PEAK * mean[1:-1])
    return float(is_peak.sum() / waveform.seconds)
