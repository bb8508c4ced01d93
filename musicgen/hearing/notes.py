"""Posteriors to notes. NumPy only; knows no sound, no beats and no files.

The idea is that of R. Bittner et al. (2022), section 2.3: a note begins at an onset and lasts as long as its note
posterior stays up, short dips forgiven. Which onsets are real is not decided by a level here, but judged (onsets.py);
the judgement is the confidence of the note.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.hearing.network import LOWEST_PITCH, Posteriors
from musicgen.hearing.onsets import Moments, find_moments, judge
from musicgen.hearing.windows import FRAME_SECONDS

NOTE_LEVEL = 0.3  # of the note posterior while a note lasts
DIP_FRAMES = 8  # 93 ms: a shorter dip of the note posterior does not end a note
LATE_FRAMES = 10  # the note posterior may rise this long after the onset
SHORTEST_SECONDS = 0.03
TOGETHER_SECONDS = 0.06  # of two onsets of one pitch that are nearer, only the surer one counts
LEAST_CONFIDENCE = 0.05  # what is less certain is not kept at all
SOFTEST, LOUDEST = 30, 120  # velocities of a note posterior of 0 and 1


@dataclass(frozen=True)
class HeardNotes:
    """The notes of a sound, sorted by onset, then pitch.

    Attributes:
        onset, offset: seconds of the sound, float64; a note ends before the next one of its pitch.
        last: seconds at which the note ends if no other one of its pitch begins before, float64.
        pitch, velocity: uint8.
        confidence: from 0 to 1, float64: how probable it is that the note is right. All of shape (n,).
    """

    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    last: NDArray[np.float64]
    pitch: NDArray[np.uint8]
    velocity: NDArray[np.uint8]
    confidence: NDArray[np.float64]

    @property
    def num_notes(self) -> int:
        return int(self.onset.size)

    def only(self, is_kept: NDArray[np.bool_]) -> HeardNotes:
        """These notes. One that was cut off by another that is left out goes on."""
        kept = HeardNotes(*(getattr(self, each.name)[is_kept] for each in fields(self)))
        return replace(kept, offset=_ends(kept.onset, kept.last, kept.pitch))

    def above(self, confidence: float) -> HeardNotes:
        """Without the notes of a lower confidence."""
        return self.only(self.confidence >= confidence)


def find_notes(posteriors: Posteriors) -> HeardNotes:
    """The notes in the posteriors, doubtful ones too: `HeardNotes.above` leaves those out."""
    moments = find_moments(posteriors)
    confidence, shift = judge(posteriors, moments)
    is_likely = confidence >= LEAST_CONFIDENCE
    moments = Moments(moments.frame[is_likely], moments.pitch[is_likely])
    certain = confidence[is_likely].astype(np.float64)
    onset = np.maximum(moments.frame + shift[is_likely], 0.0) * FRAME_SECONDS
    stop, sounding = _sounding(posteriors, moments)
    pitch = (moments.pitch + LOWEST_PITCH).astype(np.uint8)
    velocity = np.rint(SOFTEST + (LOUDEST - SOFTEST) * sounding).astype(np.uint8)
    last = stop * FRAME_SECONDS
    is_note = (last - onset >= SHORTEST_SECONDS) & _surest_together(onset, pitch, certain)
    order = np.lexsort((pitch, onset))
    order = order[is_note[order]]
    found = HeardNotes(*(each[order] for each in (onset, last, last, pitch, velocity, certain)))
    return found.only(np.ones(found.num_notes, np.bool_))


def stretches(is_up: NDArray[np.bool_], dip: int) -> NDArray[np.int64]:
    """(start, stop) of each run of True, shape (n, 2); runs with at most `dip` frames between them are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_up, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    if not starts.size:
        return np.zeros((0, 2), np.int64)
    is_apart = starts[1:] - stops[:-1] > dip
    return np.stack([starts[np.append(True, is_apart)], stops[np.append(is_apart, True)]], axis=1)


def _sounding(posteriors: Posteriors, moments: Moments) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each moment the frame at which its note is over (the moment itself if there is none), and the mean note
    posterior of its first half second."""
    stop, level = moments.frame.copy(), np.zeros(moments.frame.size)
    for pitch in np.unique(moments.pitch):
        note = posteriors.note[:, pitch].astype(np.float32)
        runs = stretches(note >= NOTE_LEVEL, DIP_FRAMES)
        for index in np.flatnonzero(moments.pitch == pitch):
            frame = moments.frame[index]
            place = int(np.searchsorted(runs[:, 1], frame, side="right"))  # the first run that ends after it
            if place < len(runs) and runs[place, 0] <= frame + LATE_FRAMES:
                stop[index] = runs[place, 1]
                level[index] = note[frame : min(frame + 43, runs[place, 1])].mean()
    return stop, level


def _surest_together(
    onset: NDArray[np.float64], pitch: NDArray[np.uint8], confidence: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which are not beside a surer onset of the same pitch."""
    is_kept = np.ones(onset.size, np.bool_)
    order = np.lexsort((onset, pitch))
    for before, after in zip(order[:-1].tolist(), order[1:].tolist(), strict=True):
        if pitch[before] == pitch[after] and onset[after] - onset[before] < TOGETHER_SECONDS:
            is_kept[before if confidence[before] < confidence[after] else after] = False
    return is_kept


def _ends(onset: NDArray[np.float64], last: NDArray[np.float64], pitch: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`last`, or the next onset of the same pitch if it comes before."""
    ends = last.copy()
    order = np.lexsort((onset, pitch))
    is_same = pitch[order[1:]] == pitch[order[:-1]]
    ends[order[:-1]] = np.where(is_same, np.minimum(last[order[:-1]], onset[order[1:]]), last[order[:-1]])
    return ends
