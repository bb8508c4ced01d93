"""Beats: the tempo by autocorrelation, the beats by dynamic programming (librosa), then their exact places.

librosa's beats lie on a grid of a hundredth of a second, which is too coarse to cut at: the places are smoothed over
some bars, and moved together to where the attacks are.

Source: D. Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36(1), 2007. Workers and children
only: imports librosa.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.frames import SongFrames
from musicgen.codecs.sounds import Sound

Times = NDArray[np.float64]
TEMPO_RANGE = (50.0, 200.0)  # BPM
USUAL_TEMPO, TEMPO_SPREAD = 115.0, 0.9  # BPM, octaves
MULTIPLES = (1, 2, 4)  # of a period that counts for it
FEW_BEATS = 4
SMOOTHED_BEATS = 8  # on each side
EXACT_SECONDS = 0.012  # beats that lie on a line as well as this are on it
PULSE_SECONDS = 10.0
FINE_SECONDS = 0.002
REACH_SECONDS = 0.06
MOST_STRETCH, STRETCHES = 0.004, 81  # of the tempo, by which even beats are adjusted
LEAD_SECONDS = 0.008  # cut before the attack, so that no joint touches it


@dataclass(frozen=True)
class Beats:
    """Attributes:
    times: seconds, from the first to the last beat of the sound. tempo: BPM, the median.
    pulse: how strongly the music repeats from beat to beat, 0 … 1. scatter: how far the beats as they were found lie
        from the smoothed ones, as a share of a beat.
    """

    times: Times
    tempo: float
    pulse: float
    scatter: float


def find_beats(sound: Sound, frames: SongFrames) -> Beats | None:
    """The beats of a sound; None if it is too short to have any, or nothing begins in it."""
    onset = frames.onset.astype(np.float64)
    if not onset.any() or len(frames) < frames.rate * 60.0 / TEMPO_RANGE[0] * FEW_BEATS:
        return None
    import librosa

    period = _period(onset, frames.rate)
    hop = 128  # a scale only: librosa needs a rate and a hop, and both cancel out
    found = librosa.beat.beat_track(
        onset_envelope=onset, sr=frames.rate * hop, hop_length=hop, bpm=60.0 * frames.rate / period, trim=False
    )[1]
    raw = np.asarray(found, np.float64) / frames.rate
    if raw.size < FEW_BEATS:
        return None
    smooth = smoothed(raw)
    tempo = 60.0 / float(np.median(np.diff(smooth)))
    scatter = float(np.abs(raw - smooth).mean()) * tempo / 60.0
    whole = _extended(smooth, sound.seconds)
    moved = on_attacks(whole, *rises(sound)) - LEAD_SECONDS
    tempo = 60.0 / float(np.median(np.diff(moved)))
    return Beats(moved, tempo, _pulse(onset, frames.rate, 60.0 / tempo), scatter)


def _period(onset: NDArray[np.float64], rate: float) -> float:
    """Frames from beat to beat: the best lag of the autocorrelation, its multiples counted too."""
    alike = autocorrelation(onset)
    longest = int(min(rate * 60.0 / TEMPO_RANGE[0], alike.size // MULTIPLES[-1] - 2))
    lags = np.arange(max(2, int(rate * 60.0 / TEMPO_RANGE[1])), max(3, longest + 1))
    score = np.mean([_peak_near(alike, each * lags, each)[0] for each in MULTIPLES], axis=0)
    octaves = np.log2(60.0 * rate / lags / USUAL_TEMPO)
    best = int(lags[np.argmax(np.maximum(score, 0.0) * np.exp(-0.5 * (octaves / TEMPO_SPREAD) ** 2))])
    far = MULTIPLES[-1]
    return float(_peak_near(alike, np.array([far * best]), far)[1][0]) / far


def autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of all lags, 1 at lag 0; each divided by how many values overlap."""
    centred = values - values.mean()
    size = 1 << (2 * values.size - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    found = np.fft.irfft(spectrum * spectrum.conj(), size)[: values.size] / np.arange(values.size, 0, -1)
    return np.asarray(found / max(float(found[0]), 1e-12))


def _peak_near(alike: NDArray[np.float64], lags: NDArray[np.int64], reach: int) -> tuple[Times, Times]:
    """(the highest value up to `reach` lags away, its lag between the lags) for each lag."""
    near = np.clip(lags[:, None] + np.arange(-reach, reach + 1), 1, alike.size - 2)
    top = near[np.arange(len(lags)), alike[near].argmax(axis=1)]
    left, middle, right = alike[top - 1], alike[top], alike[top + 1]
    bend = left - 2.0 * middle + right
    shift = np.where(bend < 0.0, 0.5 * (left - right) / np.where(bend < 0.0, bend, 1.0), 0.0)
    return middle, np.asarray(top + np.clip(shift, -0.5, 0.5))


def smoothed(raw: Times) -> Times:
    """Beats on a line if they are near one, else each on a line through its neighbours."""
    number = np.arange(raw.size, dtype=np.float64)
    line = np.polyval(np.polyfit(number, raw, 1), number)
    if np.abs(raw - line).mean() <= EXACT_SECONDS:
        return np.asarray(line, np.float64)
    made = np.empty_like(raw)
    for each in range(raw.size):
        near = slice(max(0, each - SMOOTHED_BEATS), each + SMOOTHED_BEATS + 1)
        weight = 1.0 - np.abs(number[near] - each) / (SMOOTHED_BEATS + 1)
        made[each] = np.polyval(np.polyfit(number[near] - each, raw[near], 1, w=weight), 0.0)
    return np.maximum.accumulate(made)


def _extended(times: Times, seconds: float) -> Times:
    """More beats of the same length before the first and after the last, as long as the sound lasts."""
    first, last = times[1] - times[0], times[-1] - times[-2]
    before = times[0] - first * np.arange(int(times[0] / first), 0, -1)
    after = times[-1] + last * np.arange(1, int((seconds - times[-1]) / last) + 1)
    return np.concatenate([before, times, after])


def _pulse(onset: NDArray[np.float64], rate: float, period: float) -> float:
    """The median over stretches of the autocorrelation at a beat (or two), wherever the peak is within 3 %."""
    size = int(PULSE_SECONDS * rate)
    stretches = [onset[start : start + size] for start in range(0, max(1, onset.size - size // 2), size // 2)]
    found = []
    for stretch in stretches:
        if stretch.size < 3 * period * rate or not stretch.any():
            continue
        alike = autocorrelation(stretch)
        lags = np.rint(np.array([1, 2]) * period * rate).astype(np.int64)
        found.append(float(_peak_near(alike, lags, max(1, round(0.03 * period * rate)))[0].max()))
    return float(np.median(found)) if found else 0.0


def rises(sound: Sound) -> tuple[NDArray[np.float64], float]:
    """(how much the level rises from each step of about 2 ms to the next, seconds of a step)."""
    step = max(1, round(FINE_SECONDS * sound.sample_rate))
    pieces = [piece[: piece.size // step * step].reshape(-1, step) for piece in sound.pieces(step << 14)]
    power = np.concatenate([(piece.astype(np.float64) ** 2).mean(axis=1) for piece in pieces])
    level = np.log10(power + 1e-4 * float(power.max(initial=0.0)) + 1e-9)
    rise = np.maximum(np.diff(level, prepend=level[:1]), 0.0)
    return np.convolve(rise, [0.25, 0.5, 0.25], "same"), step / sound.sample_rate


def on_attacks(times: Times, rise: NDArray[np.float64], step: float) -> Times:
    """Beats moved together, by 60 ms at most, to where attacks begin; evenly spaced ones may also be a little nearer to
    each other or farther apart, so that they fit from the first to the last."""
    shifts = np.arange(-round(REACH_SECONDS / step), round(REACH_SECONDS / step) + 1) * step
    is_even = np.abs(np.diff(times, 2)).max(initial=0.0) < 1e-6
    stretches = np.linspace(-MOST_STRETCH, MOST_STRETCH, STRETCHES) if is_even else np.zeros(1)
    middle = 0.5 * (times[0] + times[-1])
    usual = 1.0 - 0.3 * np.abs(np.linspace(-1.0, 1.0, shifts.size))  # of two as good ones, the nearer
    best, found = -1.0, times
    for stretch in stretches:
        stretched = middle + (times - middle) * (1.0 + stretch)
        at = np.rint((stretched[:, None] + shifts) / step).astype(np.int64)
        score = np.where((at >= 0) & (at < rise.size), rise[np.clip(at, 0, rise.size - 1)], 0.0).sum(axis=0) * usual
        if score.max() > best:
            best, found = float(score.max()), stretched + shifts[score.argmax()]
    return found
