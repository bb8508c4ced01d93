"""Beats and bars of heard notes. Children only: imports librosa.

The beat tracker of librosa (D. Ellis, Beat tracking by dynamic programming, 2007) listens to the onsets that the
network heard and to the rises of the spectrum, so drums count as well. If the beats lie on a straight line, the song has
one tempo; if not, each beat has its own. Music without a beat gets a grid of even beats, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.hearing.network import Posteriors
from musicgen.hearing.notes import HeardNotes
from musicgen.hearing.windows import FRAME_SECONDS, HOP, SAMPLE_RATE

PLAIN_TEMPO = 120.0
FEWEST_BEATS = 8
STEADY_SECONDS = 0.035  # most beats of a steady tempo are no farther from a straight line
STEADY_SHARE = 0.9
NEAR_SHARE = 0.15  # of a beat: notes this near to it are on it
METRES = (4, 3)
THREE_MUST_WIN_BY = 1.15

Times = NDArray[np.float64]


@dataclass(frozen=True)
class BeatGrid:
    """Where the beats are.

    Attributes:
        times: seconds of each beat, rising, shape (n,), from 0 to the end of the sound or later.
        metre: beats in a bar. upbeat: beats before the first barline.
        tempo: BPM, of most of the song. is_steady: whether it is the same throughout.
        is_found: False if there was no beat to be heard, and the grid is only there to write notes on.
    """

    times: Times
    metre: int
    upbeat: int
    tempo: float
    is_steady: bool
    is_found: bool


def find_beats(posteriors: Posteriors, notes: HeardNotes, seconds: float) -> BeatGrid:
    """The beats of a sound of this length."""
    found = _tracked(posteriors)
    if found.size < FEWEST_BEATS or notes.num_notes < FEWEST_BEATS:
        return BeatGrid(even_beats(0.0, 60 / PLAIN_TEMPO, seconds), 4, 0, PLAIN_TEMPO, True, False)
    period, is_steady, found = _straightened(found)
    times, n_before = _from_zero(found, period, seconds)
    metre, first = find_bars(times, notes)
    return BeatGrid(times, metre, first, 60 / period, is_steady, True)


def even_beats(first: float, period: float, seconds: float) -> Times:
    """Beats from `first` on to `seconds` or just beyond."""
    return first + period * np.arange(max(int(np.ceil((seconds - first) / period)), 1) + 1)


def _tracked(posteriors: Posteriors) -> Times:
    """Beats in seconds, as the tracker hears them."""
    import librosa

    struck = posteriors.onset.astype(np.float32)
    struck = np.where(struck >= 0.2, struck, 0.0).sum(axis=1)
    rise = posteriors.rise - np.median(posteriors.rise)
    curve = sum(each / (each.std() + 1e-9) for each in (struck, np.maximum(rise, 0.0)))
    if not np.any(curve):
        return np.zeros(0)
    _, beats = librosa.beat.beat_track(
        onset_envelope=curve, sr=SAMPLE_RATE, hop_length=HOP, trim=False, units="frames", tightness=100
    )
    return np.asarray(beats, np.float64) * FRAME_SECONDS


def _straightened(beats: Times) -> tuple[float, bool, Times]:
    """Period in seconds, whether it is steady, and the beats: on a straight line if it is, else smoothed."""
    number = np.arange(beats.size)
    period = float(np.median(np.diff(beats)))
    number = np.concatenate([[0], np.cumsum(np.maximum(np.rint(np.diff(beats) / period), 1))])  # a beat may be missing
    slope, first = np.polyfit(number, beats, 1)
    off = np.abs(beats - first - slope * number)
    if np.mean(off <= STEADY_SECONDS) >= STEADY_SHARE:
        slope, first = np.polyfit(number[off <= STEADY_SECONDS], beats[off <= STEADY_SECONDS], 1)
        return float(slope), True, first + slope * np.arange(int(number[-1]) + 1)
    padded = np.pad(beats, 1, mode="reflect", reflect_type="odd")
    return period, False, (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def _from_zero(beats: Times, period: float, seconds: float) -> tuple[Times, int]:
    """The same beats continued to both ends of the sound. The first is at 0, so the sound and the score have one clock;
    it may be up to half a beat longer or shorter than the others."""
    n_before = max(round(beats[0] / period), 0)
    lead = beats[0] - period * np.arange(n_before, 0, -1)
    after = even_beats(float(beats[-1]), period, seconds)[1:] if beats[-1] < seconds else np.zeros(0)
    times = np.concatenate([lead, beats, after])
    times[0] = 0.0
    return times[np.append(True, np.diff(times) > 0.05)], n_before


def find_bars(times: Times, notes: HeardNotes) -> tuple[int, int]:
    """(beats in a bar, beats before the first barline): the ones that put most weight on the first beat of a bar."""
    accent = accents(times, notes)
    best = {}
    for metre in METRES:
        means = [float(accent[phase::metre].mean()) for phase in range(metre)]
        phase = int(np.argmax(means))
        others = (sum(means) - means[phase]) / (metre - 1)
        best[metre] = (means[phase] / (others + 1e-9), phase)
    metre = 3 if best[3][0] > THREE_MUST_WIN_BY * best[4][0] else 4
    return metre, best[metre][1]


def accents(times: Times, notes: HeardNotes) -> NDArray[np.float64]:
    """The weight of each beat: the notes that begin on it by loudness and length, low ones and a new harmony more."""
    length = np.diff(times, append=2 * times[-1] - times[-2])
    place = np.interp(notes.onset, times, np.arange(times.size))
    nearest = np.rint(place).astype(np.int64)
    is_on = np.abs(place - nearest) <= NEAR_SHARE
    on, beat = notes.only(is_on), nearest[is_on]
    lasts = np.minimum((on.offset - on.onset) / length[beat], 4.0)
    low = np.clip((60.0 - on.pitch) / 24.0, 0.0, 1.0)
    weight = on.velocity / 127.0 * on.confidence * (0.3 + lasts) * (1.0 + low)
    return np.bincount(beat, weight, minlength=times.size)[: times.size]
