"""Beats and bars of heard notes. Children only: imports librosa.

The beat tracker of librosa (D. Ellis, Beat tracking by dynamic programming, 2007) listens to the heard onsets and to
the rises of the spectrum, so drums count as well. If the notes of the whole song fit one tempo, it gets that; if not,
each beat has its own. Music without a beat gets a grid of even beats, and says so.
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
TEMPO_SECONDS, SLOWEST, FASTEST = 8.0, 40.0, 240.0  # of the stretches that are compared with themselves; BPM
SURE = 0.25  # confidence of the notes that beats are found from
NEAR_TEMPO = 0.05  # share by which one tempo may differ from the median of the tracked beats
STEADY_SHARE = 0.6
SHORTEST_BEAT = 0.05  # seconds
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
    sure = notes.above(SURE)
    tracked = _tracked(posteriors, sure)
    if tracked.size < FEWEST_BEATS or sure.num_notes < FEWEST_BEATS:
        return BeatGrid(even_beats(0.0, 60 / PLAIN_TEMPO, seconds), 4, 0, PLAIN_TEMPO, True, False)
    period = float(np.median(np.diff(tracked)))
    steady = steady_beats(tracked, sure)
    beats = smoothed(tracked) if steady is None else steady
    period = period if steady is None else float(steady[1] - steady[0])
    times = from_zero(beats, period, seconds)
    metre, upbeat = find_bars(times, sure)
    return BeatGrid(times, metre, upbeat, 60 / period, steady is not None, True)


def even_beats(first: float, period: float, seconds: float) -> Times:
    """Beats from `first` on to `seconds` or just beyond."""
    number = np.arange(max(int(np.ceil((seconds - first) / period)), 1) + 1)
    return np.asarray(first + period * number, np.float64)


def _tracked(posteriors: Posteriors, notes: HeardNotes) -> Times:
    """Beats in seconds, as the tracker hears them."""
    import librosa

    place = np.clip(np.rint(notes.onset / FRAME_SECONDS).astype(np.int64), 0, posteriors.n_frames - 1)
    struck = np.convolve(np.bincount(place, notes.confidence, posteriors.n_frames), np.hanning(9), "same")
    rise = np.maximum(posteriors.rise - np.median(posteriors.rise), 0.0)
    curve = struck / (struck.std() + 1e-9) + 0.5 * rise / (rise.std() + 1e-9)
    if not np.any(curve):
        return np.zeros(0)
    bpm = likely_tempo(curve)
    _, beats = librosa.beat.beat_track(
        onset_envelope=curve, sr=SAMPLE_RATE, hop_length=HOP, bpm=bpm, trim=False, units="frames"
    )
    return np.asarray(beats, np.float64) * FRAME_SECONDS


def likely_tempo(curve: NDArray[np.float64]) -> float:
    """The tempo (BPM) at which the curve resembles itself most, an octave from 120 BPM counting 0.6 as much.

    Like librosa's, but its memory does not grow by eight seconds of the curve with each frame."""
    size = round(TEMPO_SECONDS / FRAME_SECONDS)
    padded = np.pad(curve, (0, max(size - curve.size, 0)))
    parts = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    power = np.mean([np.abs(np.fft.rfft(each, 2 * size)) ** 2 for each in parts], axis=0)
    lag = np.arange(int(60 / FASTEST / FRAME_SECONDS), int(60 / SLOWEST / FRAME_SECONDS))
    tempo = 60 / (lag * FRAME_SECONDS)
    alike = np.fft.irfft(power)[lag] * np.exp(-0.5 * np.log2(tempo / PLAIN_TEMPO) ** 2)
    return float(tempo[int(alike.argmax())])


def steady_beats(tracked: Times, notes: HeardNotes) -> Times | None:
    """Beats of one tempo, if the notes keep to one: most are then at halves, thirds or quarters of its beats.

    The tempo is the one near that of the tracked beats at which the onsets, as vectors on a circle of a half, third or
    quarter of a beat, add up to the longest sum."""
    period = float(np.median(np.diff(tracked)))
    length = float(tracked[-1] - tracked[0])
    periods = period / np.arange(1 - NEAR_TEMPO, 1 + NEAR_TEMPO, 0.02 * period / length)
    best = max((_gathered(notes, periods, parts) for parts in (2, 3, 4)), key=lambda found: found[0])
    share, period, first, parts = best
    if share < STEADY_SHARE:
        return None
    starts = first + period / parts * np.arange(parts)
    near = [np.mean(np.abs((tracked - start + period / 2) % period - period / 2)) for start in starts]
    start = starts[int(np.argmin(near))]
    return start + period * np.arange(round((tracked[0] - start) / period), round((tracked[-1] - start) / period) + 1)


def _gathered(notes: HeardNotes, periods: Times, parts: int) -> tuple[float, float, float, int]:
    """(length of the sum as a share of the longest possible, period of a beat, time of a part of a beat, `parts`)."""
    sums = np.array([np.sum(notes.confidence * np.exp(2j * np.pi * parts / each * notes.onset)) for each in periods])
    best = int(np.argmax(np.abs(sums)))
    period = float(periods[best])
    first = float(np.angle(sums[best]) / (2 * np.pi) * period / parts)
    return float(np.abs(sums[best]) / notes.confidence.sum()), period, first, parts


def smoothed(beats: Times) -> Times:
    """Each beat moved toward the middle of its neighbours: the tracker hears in steps of a frame."""
    padded = np.pad(beats, 1, mode="reflect", reflect_type="odd")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def from_zero(beats: Times, period: float, seconds: float) -> Times:
    """The same beats continued to both ends of the sound. The first is at 0, so that sound and score have one clock;
    it may be up to half a beat longer or shorter than the others."""
    lead = beats[0] - period * np.arange(max(round(beats[0] / period), 0), 0, -1)
    after = even_beats(float(beats[-1]), period, seconds)[1:] if beats[-1] < seconds else np.zeros(0)
    times = np.concatenate([lead, beats, after])
    times = times[times > -period / 2]
    times[0] = 0.0
    return times[np.append(True, np.diff(times) > SHORTEST_BEAT)]


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
    """The weight of each beat: the notes that begin on it by loudness and length, low ones more."""
    length = np.diff(times, append=2 * times[-1] - times[-2])
    place = np.interp(notes.onset, times, np.arange(times.size))
    nearest = np.rint(place).astype(np.int64)
    is_on = np.abs(place - nearest) <= NEAR_SHARE
    on, beat = notes.only(is_on), nearest[is_on]
    lasts = np.minimum((on.offset - on.onset) / length[beat], 4.0)
    low = np.clip((60.0 - on.pitch) / 24.0, 0.0, 1.0)
    weight = on.velocity / 127.0 * on.confidence * (0.3 + lasts) * (1.0 + low)
    return np.asarray(np.bincount(beat, weight, minlength=times.size)[: times.size], np.float64)
