"""Which tracks are melody and chords, and the beats in which both play: chosen by the user, or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np

from musicgen.approaches.jazz_lstm.gathering_chords import gathered_chords
from musicgen.approaches.jazz_lstm.lines import (
    by_measure,
    first_voice_rests,
    whole_measures,
)
from musicgen.approaches.jazz_lstm.parameters import Training
from musicgen.approaches.jazz_lstm.tracks import Tracks, measures_of
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.metre import Metre, metre_at
from musicgen.symbolic.score import Score

MIN_MEASURES = 4  # in a passage that is used besides the longest
MAX_PAUSE = 2  # measures for which one of the two may be silent


@dataclass(frozen=True)
class Parts:
    """The passage of one song that is learned from. Times are in twelfths of a beat from the start of the song.

    Attributes:
        start: its first barline. measure: length of each measure.
        line: notes and rests (events without pitches) of each measure. chords: of each measure, at least one.
        harmony: the chords that the melody is over: the same, or, if they were gathered from single voices, the chords
            of those voices and the melody together, which often has the third or the fifth.
        melody_track: number of the track. chord_tracks: those that the chords were taken from.
        warnings: choices that differ from what was asked for.
    """

    start: int
    measure: int
    line: list[list[Event]]
    chords: list[list[Event]]
    harmony: list[list[Event]]
    melody_track: int
    chord_tracks: tuple[int, ...]
    is_gathered: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def n_measures(self) -> int:
        return len(self.line)

    @property
    def first_beat(self) -> float:
        return self.start / STEPS

    @property
    def last_beat(self) -> float:
        return (self.start + self.n_measures * self.measure) / STEPS


def pick_parts(score: Score, allowed: Sequence[int] | None, training: Training, name: str) -> list[Parts]:
    """The parts of one song: one passage, or several in order.

    Raises InvalidInput if it has no melody or no chords."""
    tracks = Tracks(score, allowed, training, name)
    melody_track = tracks.melody()
    chords, chord_tracks, is_gathered = tracks.chords(melody_track)
    windows = _windows(tracks, melody_track, chords)
    found = [_parts(tracks, melody_track, chords, chord_tracks, is_gathered, window) for window in windows]
    found[0].warnings.extend(tracks.warnings)
    return found


def _parts(
    tracks: Tracks,
    melody_track: int,
    chords: Sequence[Event],
    chord_tracks: tuple[int, ...],
    is_gathered: bool,
    window: tuple[int, int, int],
) -> Parts:
    """The music of some measures."""
    training, events = tracks.training, tracks.line(melody_track)
    start, measure, n_measures = window
    if training.exact_measures:
        line = whole_measures(events, start, measure, n_measures)
        if not training.rests:
            line = [[event for event in events if event.pitches] for events in line]
    else:
        rests = first_voice_rests(tracks.events[melody_track]) if training.rests else []
        line = by_measure(sorted([*events, *rests], key=lambda event: event.onset), start, measure, n_measures)
    struck = _held_on(by_measure(chords, start, measure, n_measures), chords, start)
    harmony = struck
    if is_gathered:
        whole = gathered_chords([*tracks.below(chord_tracks, melody_track), *events], tracks.barlines)
        harmony = _held_on(by_measure(whole, start, measure, n_measures), whole, start)
    return Parts(start, measure, line, struck, harmony, melody_track, chord_tracks, is_gathered)


def _windows(tracks: Tracks, melody: int, chords: Sequence[Event]) -> list[tuple[int, int, int]]:
    """(first barline, length of a measure, number of measures): the beats asked for, else where both play."""
    first, last = tracks.training.first_beat, tracks.training.last_beat
    line = tracks.line(melody)
    if first is not None or last is not None:
        inside = [event for event in line if tracks.is_inside(event)]
        if inside and any(tracks.is_inside(event) for event in chords):
            return [_asked(tracks.score, line, first, last)]
        tracks.warnings.append(
            f"“{tracks.name}” has no melody over chords from beat {first or 0:g} to {last or 'the end'}, so the "
            "measures in which both play are used."
        )
    found = _stretches(tracks.score, line, chords)
    longest = max(found, key=lambda window: window[2])
    if tracks.training.stretches == "longest":
        return [longest]
    return [window for window in found if window[2] >= MIN_MEASURES] or [longest]


def _asked(score: Score, line: Sequence[Event], first: float | None, last: float | None) -> tuple[int, int, int]:
    """Measures are counted from the first beat asked for; only whole ones are used."""
    start = round((first or 0.0) * STEPS)
    bar = (metre_at(score, Fraction(start, STEPS)) or Metre()).bar * STEPS
    measure = int(bar) if bar.denominator == 1 else 4 * STEPS
    stop = round(last * STEPS) if last is not None else max(event.end for event in line) + measure - 1
    return start, measure, max(1, (stop - start) // measure)


def _stretches(score: Score, line: Sequence[Event], chords: Sequence[Event]) -> list[tuple[int, int, int]]:
    """Runs of equal measures in which melody and chords play, with pauses of at most two measures; at least one run."""
    measures = measures_of(score, max(event.end for event in line))
    starts = [begin for begin, _ in measures]
    plays = [np.zeros(len(measures), dtype=bool) for _ in range(2)]
    for active, events in zip(plays, (line, chords), strict=True):
        found = np.searchsorted(starts, [event.onset for event in events], side="right") - 1
        active[found[(found >= 0) & (found < len(measures))]] = True
    both = _without_pauses(plays[0]) & _without_pauses(plays[1])
    runs: list[tuple[int, int, int]] = []
    for (together, _), run in groupby(range(len(measures)), key=lambda place: (both[place], measures[place][1])):
        numbers = [place for place in run if together]
        while numbers and not plays[0][numbers[0]]:
            numbers.pop(0)
        while numbers and not plays[0][numbers[-1]]:
            numbers.pop()
        if numbers:
            runs.append((*measures[numbers[0]], len(numbers)))
    return runs or [(*measures[0], len(measures))]


def _without_pauses(active: np.ndarray) -> np.ndarray:
    """True also in gaps of up to two measures."""
    filled, places = active.copy(), np.flatnonzero(active)
    for here, following in pairwise(places.tolist()):
        if following - here <= MAX_PAUSE + 1:
            filled[here:following] = True
    return filled


def _held_on(own: Sequence[list[Event]], chords: Sequence[Event], start: int) -> list[list[Event]]:
    """A measure without a chord takes the last one before it, or else the next one."""
    before = [event for event in chords if event.onset < start]
    following = next((events[0] for events in own if events), None) or chords[0]
    last = before[-1] if before else following
    filled = []
    for events in own:
        filled.append(list(events) or [last])
        last = filled[-1][-1]
    return filled
