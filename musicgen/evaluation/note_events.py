"""A score as a line of events: notes that begin together are one event, a note or a chord.

An event is an int whose bit p is set where pitch p begins: equal events are equal ints, the lowest set bit is the
lowest pitch, and an event shifted down by it is the shape of the chord in any transposition. Drum notes have no pitch:
they are left out unless the score has nothing else. Rhythm, loudness and length of notes do not matter.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.score import Score

TOGETHER_BEATS = 1 / 16  # notes that begin within a sixty-fourth note of the first are one chord


def pitched(score: Score) -> Score:
    """The score without its drum notes; all of it if it has only drum notes."""
    has_pitch = np.array([not track.is_drum for track in score.tracks], dtype=bool)[score.notes["track"]]
    return replace(score, notes=score.notes[has_pitch]) if has_pitch.any() else score


def between_seconds(score: Score, start: float, stop: float) -> Score:
    """The notes that begin from `start` up to, not including, `stop`; times stay as they are."""
    return replace(score, notes=score.notes[(score.onset >= start) & (score.onset < stop)])


def first_notes(score: Score, count: int) -> Score:
    """The first notes of a score, without drums: of a very long one, these say enough."""
    score = pitched(score)
    return replace(score, notes=score.notes[:count]) if score.num_notes > count else score


def together(score: Score) -> NDArray[np.int64]:
    """The ticks at which notes begin, notes that begin together once; shape (n_moments,)."""
    return score.notes["onset_ticks"][_beginnings(score)]


def events_of(score: Score) -> tuple[list[int], NDArray[np.float64]]:
    """(events, onset of each in seconds), in time order, all tracks together."""
    score = pitched(score)
    begins = _beginnings(score)
    pitches = score.notes["pitch"].tolist()
    events = [_event(pitches[a:b]) for a, b in pairwise([*begins, len(pitches)])]
    return events, score.onset[begins]


def _beginnings(score: Score) -> list[int]:
    """The index of the first note of each event."""
    begins, tolerance, first = [], score.ticks_per_beat * TOGETHER_BEATS, -np.inf
    for index, tick in enumerate(score.notes["onset_ticks"].tolist()):
        if tick - first > tolerance:
            begins.append(index)
            first = tick
    return begins


def _event(pitches: list[int]) -> int:
    event = 0
    for pitch in pitches:
        event |= 1 << pitch
    return event


def lowest_pitch(event: int) -> int:
    """The lowest pitch of an event."""
    return (event & -event).bit_length() - 1


def lines_of(score: Score) -> list[Score]:
    """The ways to read a score as one line: all tracks together, and, if there are several, each track by itself."""
    score = pitched(score)
    used = np.unique(score.notes["track"])
    return [score] if used.size < 2 else [score, *(score.only_tracks((int(track),)) for track in used)]
