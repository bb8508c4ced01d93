"""Posteriors to notes. NumPy only; knows no sound, no beats and no files.

After R. Bittner et al. (2022), section 2.3, in our own way: a note begins at a peak of the onset posterior and lasts
as long as its note posterior stays up, short dips forgiven, or until the next onset of the same pitch; what stays up
without an onset is a note too, if it is long and clear. Then what is only the blur of a stronger neighbour goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from musicgen.hearing.network import LOWEST_PITCH, NUM_PITCHES, Posteriors
from musicgen.hearing.windows import FRAME_SECONDS

ONSET_LEVEL = 0.3  # of a peak of the onset posterior
NOTE_LEVEL = 0.3  # of the note posterior while a note lasts
CLEAR_LEVEL = 0.5  # mean note posterior of a note without an onset
DIP_FRAMES = 8  # 93 ms: a shorter dip of the note posterior does not end a note
LATE_FRAMES = 4  # the note posterior may rise this long after the onset
SHORTEST_FRAMES = 5  # 58 ms
SHORTEST_UNSTRUCK = 15  # 174 ms, of a note without an onset
PEAK_DISTANCE = 4  # frames between two onsets of one pitch
BLUR_FRAMES = 5  # a semitone beside, begun at most so much earlier or later
BLUR_SHARE = 0.6  # and with less than this share of the strength


@dataclass(frozen=True)
class HeardNotes:
    """The notes of a sound, sorted by onset.

    Attributes:
        onset, offset: seconds of the sound, float64. pitch, velocity: uint8.
        confidence: from 0 to 1, float64: about the share of notes like this one that are right. All of shape (n,).
    """

    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    pitch: NDArray[np.uint8]
    velocity: NDArray[np.uint8]
    confidence: NDArray[np.float64]

    @property
    def num_notes(self) -> int:
        return int(self.onset.size)

    def only(self, is_kept: NDArray[np.bool_]) -> HeardNotes:
        return HeardNotes(*(getattr(self, each.name)[is_kept] for each in fields(self)))

    def above(self, confidence: float) -> HeardNotes:
        """Without the notes of a lower confidence."""
        return self.only(self.confidence >= confidence)


@dataclass(frozen=True)
class _Candidate:
    """A note in frames, before it is believed. `strike`: the onset posterior at its start."""

    pitch: int
    start: int
    stop: int
    strike: float
    sounding: float
    contour: float


def find_notes(posteriors: Posteriors) -> HeardNotes:
    """The notes in the posteriors, with all that are doubtful: `HeardNotes.above` leaves those out."""
    candidates = [each for pitch in range(NUM_PITCHES) for each in _of_pitch(posteriors, pitch)]
    believed = sorted(_without_blur(candidates), key=lambda each: (each.start, each.pitch))
    columns = np.array([_features(each) for each in believed]).reshape(-1, 6)
    start, stop, pitch, strike, sounding, contour = columns.T
    return HeardNotes(
        onset=start * FRAME_SECONDS,
        offset=stop * FRAME_SECONDS,
        pitch=(pitch + LOWEST_PITCH).astype(np.uint8),
        velocity=np.clip(np.rint(30 + 90 * sounding), 1, 127).astype(np.uint8),
        confidence=confidence_of(strike, sounding, contour, (stop - start) * FRAME_SECONDS),
    )


def confidence_of(
    strike: NDArray[np.float64],
    sounding: NDArray[np.float64],
    contour: NDArray[np.float64],
    seconds: NDArray[np.float64],
) -> NDArray[np.float64]:
    """A logistic curve of the posteriors and the logarithm of the length."""
    return np.sqrt(strike * sounding)


def peaks(curve: NDArray[np.float32], level: float, distance: int) -> NDArray[np.int64]:
    """Frames at which the curve is at least `level` and highest within `distance` frames to both sides; of a plateau
    the first frame."""
    padded = np.pad(curve, distance, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * distance + 1)
    is_peak = (curve >= level) & (around.argmax(axis=1) == distance)
    return np.flatnonzero(is_peak)


def stretches(is_up: NDArray[np.bool_], dip: int) -> list[tuple[int, int]]:
    """(start, stop) of each run of True; runs with at most `dip` frames between them are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_up, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    is_apart = starts[1:] - stops[:-1] > dip
    first, last = np.append(True, is_apart), np.append(is_apart, True)
    return list(zip(starts[first[: starts.size]].tolist(), stops[last[: stops.size]].tolist(), strict=True))


def _of_pitch(posteriors: Posteriors, pitch: int) -> Iterator[_Candidate]:
    onset, note, contour = (
        posterior[:, pitch].astype(np.float32) for posterior in (posteriors.onset, posteriors.note, posteriors.contour)
    )
    struck = peaks(onset, ONSET_LEVEL, PEAK_DISTANCE)
    for begin, end in stretches(note >= NOTE_LEVEL, DIP_FRAMES):
        own = struck[(struck >= begin - LATE_FRAMES) & (struck < end)].tolist()
        for start, stop in zip(own, [*own, end][1:], strict=True):
            if stop - start >= SHORTEST_FRAMES:
                yield _candidate(pitch, start, stop, onset, note, contour)
        unstruck = own[0] if own else end
        if unstruck - begin >= SHORTEST_UNSTRUCK and note[begin:unstruck].mean() >= CLEAR_LEVEL:
            yield _candidate(pitch, begin, unstruck, onset, note, contour)


def _candidate(pitch: int, start: int, stop: int, *curves: NDArray[np.float32]) -> _Candidate:
    onset, note, contour = curves
    strike = onset[max(start - 1, 0) : start + 2].max()
    return _Candidate(pitch, start, stop, float(strike), float(note[start:stop].mean()), float(contour[start:stop].mean()))


def _features(each: _Candidate) -> tuple[float, ...]:
    return (each.start, each.stop, each.pitch, each.strike, each.sounding, each.contour)


def _without_blur(candidates: list[_Candidate]) -> Iterator[_Candidate]:
    """Those that are not the blur of a stronger note a semitone beside them."""
    starts: dict[tuple[int, int], list[_Candidate]] = {}
    for each in candidates:
        starts.setdefault((each.pitch, each.start // BLUR_FRAMES), []).append(each)
    for each in candidates:
        strength = each.strike * each.sounding
        beside = (
            other
            for pitch in (each.pitch - 1, each.pitch + 1)
            for place in range(each.start // BLUR_FRAMES - 1, each.start // BLUR_FRAMES + 2)
            for other in starts.get((pitch, place), ())
            if abs(other.start - each.start) <= BLUR_FRAMES
        )
        if not any(strength < BLUR_SHARE * other.strike * other.sounding for other in beside):
            yield each
