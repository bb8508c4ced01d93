"""Where notes begin: moments at which one may begin, and how likely it does. NumPy only.

The onset posterior of Basic Pitch is sure of hammers and plectra, but not of bows: in held notes with vibrato it sees
onsets that are none, and slow attacks come late. So every moment at which the onset posterior peaks or the note
posterior rises is judged by a small network of our own, two hidden layers over the posteriors around it and over how
strong the sound is at the pitch and its overtones, which tells a note struck again, or an octave above another, from
one that goes on. It gives the probability that a note begins there, and by how much its onset is earlier or later.
scripts/onset_judge.py trains it on scores that it renders itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.hearing.network import NUM_PITCHES, Posteriors
from musicgen.hearing.spectra import SIZES
from musicgen.processes import ROOT

JUDGE = ROOT / "assets" / "basic_pitch" / "onset_judge.npz"
PEAK_LEVEL, PEAK_RADIUS = 0.18, 2  # of the onset posterior
RISE_LEVEL, RISE_RADIUS = 0.08, 4  # of the note posterior, from two frames before to four after
TOGETHER = 3  # frames: a rise so near to a peak is the same moment
BEFORE, AFTER = 8, 12  # frames around a moment that are looked at
NOTHING = 0.1  # what the network answers where there is nothing
LOUD_ONSETS = 10.0  # the sum of all onsets of a frame is divided by it
OCTAVE = 12
PARTIALS = (-12, -1, 0, 1, 12, 19, 24, 28, 31)  # semitones from a pitch at which its spectra are looked at
AT_ONCE = 4096

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class Moments:
    """Moments at which a note may begin: frame and number of the pitch (0 is A0), int64, shape (n,)."""

    frame: NDArray[np.int64]
    pitch: NDArray[np.int64]


def find_moments(posteriors: Posteriors) -> Moments:
    """All moments, sorted by pitch, then frame."""
    frames, pitches = [], []
    for pitch in range(NUM_PITCHES):
        found = _moments_of_pitch(
            posteriors.onset[:, pitch].astype(np.float32), posteriors.note[:, pitch].astype(np.float32)
        )
        frames.append(found)
        pitches.append(np.full(found.size, pitch, np.int64))
    return Moments(np.concatenate(frames), np.concatenate(pitches))


def peaks(curve: Curve, level: float, radius: int) -> NDArray[np.int64]:
    """Frames at which the curve is at least `level` and highest within `radius` frames to both sides; of a plateau
    the first frame."""
    padded = np.pad(curve, radius, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1)
    return np.flatnonzero((curve >= level) & (around.argmax(axis=1) == radius))


def looks(posteriors: Posteriors, moments: Moments) -> Curve:
    """What the judge sees of each moment, shape (n, n_features): the three posteriors of the pitch and of its two
    neighbours, onsets and notes an octave below and above, all onsets together, the rise of the spectrum, the two
    spectra at the PARTIALS, over BEFORE + AFTER frames; and the pitch."""
    return _looks(_Padded.around(posteriors), moments)


def judge(posteriors: Posteriors, moments: Moments) -> tuple[Curve, Curve]:
    """(probability that a note begins, frames from the moment to its onset), each of shape (n,)."""
    layers, padded = _layers(JUDGE), _Padded.around(posteriors)
    answers = [np.zeros((0, 2), np.float32)]
    for start in range(0, moments.frame.size, AT_ONCE):
        part = Moments(moments.frame[start : start + AT_ONCE], moments.pitch[start : start + AT_ONCE])
        answer = _looks(padded, part)
        for number, (kernel, bias) in enumerate(layers):
            answer = (np.maximum(answer, 0.0) if number else answer) @ kernel + bias
        answers.append(answer)
    answer = np.concatenate(answers)
    return np.asarray(1.0 / (1.0 + np.exp(-answer[:, 0])), np.float32), np.clip(answer[:, 1], -BEFORE, BEFORE)


@dataclass(frozen=True)
class _Padded:
    """Posteriors with room for every look: `tables` of each pitch, `curves` without a pitch; and the spectra, which are
    as they are, since they are large."""

    tables: Sequence[NDArray[np.float16]]
    curves: Sequence[Curve]
    spectra: NDArray[np.float16]

    @classmethod
    def around(cls, posteriors: Posteriors) -> _Padded:
        edge = ((BEFORE, AFTER), (OCTAVE, OCTAVE))
        tables = (posteriors.onset, posteriors.note, posteriors.contour)
        together = posteriors.onset.sum(axis=1, dtype=np.float32) - NOTHING * NUM_PITCHES
        curves = (together / LOUD_ONSETS, posteriors.rise)
        return cls(
            [np.pad(each, edge, constant_values=NOTHING) for each in tables],
            [np.pad(each, (BEFORE, AFTER)) for each in curves],
            posteriors.spectra,
        )


def _looks(padded: _Padded, moments: Moments) -> Curve:
    rows = moments.frame[:, np.newaxis] + np.arange(BEFORE + AFTER)
    column = moments.pitch[:, np.newaxis] + OCTAVE
    seen = [each[rows, column + step] for each in padded.tables for step in (-1, 0, 1)]
    seen += [each[rows, column + step] for each in padded.tables[:2] for step in (-OCTAVE, OCTAVE)]
    seen += [each[rows] for each in padded.curves]
    frames, bands = padded.spectra.shape[0], padded.spectra.shape[2]
    near = np.clip(rows - BEFORE, 0, frames - 1)
    for size, step in product(range(len(SIZES)), PARTIALS):
        seen.append(padded.spectra[near, size, np.clip(moments.pitch[:, np.newaxis] + step, 0, bands - 1)])
    return np.concatenate([*seen, moments.pitch[:, np.newaxis] / NUM_PITCHES], axis=1).astype(np.float32)


def _moments_of_pitch(onset: Curve, note: Curve) -> NDArray[np.int64]:
    at_peaks = peaks(onset, PEAK_LEVEL, PEAK_RADIUS)
    padded = np.pad(note, (2, 4), mode="edge")
    at_rises = peaks(padded[6:] - padded[:-6], RISE_LEVEL, RISE_RADIUS)
    is_taken = np.zeros(onset.size + 2 * TOGETHER, np.bool_)  # near a peak
    for step in range(2 * TOGETHER + 1):
        is_taken[at_peaks + step] = True
    return np.sort(np.concatenate([at_peaks, at_rises[~is_taken[at_rises + TOGETHER]]]))


@cache
def _layers(path: Path) -> list[tuple[Curve, Curve]]:
    """(kernel, bias) of each layer. Raises ResourceUnavailable if the file is missing."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            numbers = range(len(stored.files) // 2)
            return [tuple(stored[f"{name}_{n}"].astype(np.float32) for name in ("kernel", "bias")) for n in numbers]  # type: ignore[misc]
    except (OSError, ValueError, KeyError) as error:
        rule = f"Songs are heard as notes with the help of assets/basic_pitch/{path.name}"
        remedy = "Restore the file from where you got this program. Everything else works without it."
        raise ResourceUnavailable(sentence(rule, str(error), remedy), code="no_model") from error
