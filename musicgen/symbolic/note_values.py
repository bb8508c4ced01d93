"""From ticks to note values: arithmetic that turns played notes into what can be written down.

Each quarter note is divided by the coarsest division that fits what begins in it, straight or triplet; notes become
chords, chords become voices, voices become notes and rests that one note value each can say, tied where they were cut.
Everything is in exact fractions of a quarter note. Knows no music21 and no MusicXML.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.score import Score, TimeSignature

DIVISIONS = (1, 2, 3, 4, 6, 8, 12)  # of a quarter note; the first that fits is taken
TOLERANCE = 1 / 20  # of a quarter note
MAX_VOICES = 4  # of one staff
_STRAIGHT = tuple(sorted((Fraction(dots, 1 << power) for dots in (4, 6) for power in range(6)), reverse=True))
_TRIPLET = tuple(Fraction(numerator, 12) for numerator in (8, 6, 4, 3, 2, 1))


@dataclass(frozen=True)
class Measure:
    """From one barline to the next."""

    start: Fraction
    numerator: int
    denominator: int

    @property
    def length(self) -> Fraction:
        return Fraction(4 * self.numerator, self.denominator)

    @property
    def end(self) -> Fraction:
        return self.start + self.length


@dataclass(frozen=True, order=True)
class Event:
    """A note, a chord, or (without pitches) a rest. `tie`: start, continue or stop where it is part of a longer one."""

    start: Fraction
    end: Fraction
    pitches: tuple[int, ...] = ()
    velocity: int = 0
    tie: str = ""

    @property
    def length(self) -> Fraction:
        return self.end - self.start


def score_to_chords(score: Score, track: int) -> list[Event]:
    """The chords of one track in order: notes that begin and end together, on the grid."""
    notes = score.notes[score.notes["track"] == track]
    onsets = [Fraction(int(tick), score.ticks_per_beat) for tick in notes["onset_ticks"]]
    lengths = [Fraction(int(tick), score.ticks_per_beat) for tick in notes["duration_ticks"]]
    divisions = _divisions(onsets)
    chords: dict[tuple[Fraction, Fraction], tuple[set[int], int]] = {}
    for onset, length, pitch, velocity in zip(onsets, lengths, notes["pitch"], notes["velocity"], strict=True):
        division = divisions[floor(onset)]
        start = Fraction(round(onset * division), division)
        division = divisions.get(floor(start), division)  # rounded up, it may belong to the next quarter note
        place = start, _end(start, onset + length, division)
        pitches, loudest = chords.get(place, (set(), 0))
        chords[place] = pitches | {int(pitch)}, max(loudest, int(velocity))
    return sorted(Event(*place, tuple(sorted(pitches)), loudest) for place, (pitches, loudest) in chords.items())


def chords_to_voices(chords: Sequence[Event]) -> list[list[Event]]:
    """Chords that overlap are dealt out to voices, at most four; a fifth cuts short the one that would end first."""
    voices: list[list[Event]] = []
    for chord in chords:
        free = next((voice for voice in voices if voice[-1].end <= chord.start), None)
        if free is not None:
            free.append(chord)
        elif len(voices) < MAX_VOICES:
            voices.append([chord])
        else:
            voice = min(voices, key=lambda events: events[-1].end)
            last = voice.pop()
            if last.start == chord.start:
                pitches = tuple(sorted({*last.pitches, *chord.pitches}))
                voice.append(replace(last, pitches=pitches))
            else:
                voice += [replace(last, end=chord.start), chord]
    return voices


def lay_out_measures(signatures: Sequence[TimeSignature], ticks_per_beat: int, end: Fraction) -> list[Measure]:
    """Measures up to `end`, at least one; a time signature takes effect at the next barline."""
    waiting = deque(sorted(signatures, key=lambda signature: signature.tick))
    measures: list[Measure] = []
    position, numerator, denominator = Fraction(0), 4, 4
    while position < end or not measures:
        while waiting and Fraction(waiting[0].tick, ticks_per_beat) <= position:
            signature = waiting.popleft()
            numerator, denominator = signature.numerator, signature.denominator
        measures.append(Measure(position, numerator, denominator))
        position = measures[-1].end
    return measures


def voice_in_measure(voice: Sequence[Event], measure: Measure) -> list[Event]:
    """What of a voice sounds in a measure: events of one note value each, rests between; empty where nothing is."""
    events: list[Event] = []
    position = measure.start
    for event in voice[bisect_right(voice, measure.start, key=lambda event: event.end) :]:
        if event.start >= measure.end:
            break
        first, last = max(event.start, measure.start), min(event.end, measure.end)
        tie = _tie(is_first=event.start >= measure.start, is_last=event.end <= measure.end)
        events += _pieces(Event(position, first))
        events += _pieces(replace(event, start=first, end=last, tie=tie))
        position = last
    return [*events, *_pieces(Event(position, measure.end))] if events else []


def _divisions(onsets: Sequence[Fraction]) -> dict[int, int]:
    """Quarter note → into how many parts it is divided."""
    places: dict[int, list[float]] = {}
    for onset in onsets:
        places.setdefault(floor(onset), []).append(float(onset % 1))
    return {beat: _division(np.array(found)) for beat, found in places.items()}


def _division(places: NDArray[np.float64]) -> int:
    for division in DIVISIONS:
        if np.abs(places - np.rint(places * division) / division).max() <= TOLERANCE:
            return division
    return DIVISIONS[-1]


def _end(start: Fraction, end: Fraction, division: int) -> Fraction:
    """The end on the grid of the beat in which the note begins, or, behind that beat, on half beats (whole ones after
    triplets); at least one step after the start."""
    if end > floor(start) + 1:
        division = 1 if division % 3 == 0 else min(division, 2)
    rounded = Fraction(round(end * division), division)
    return rounded if rounded > start else start + Fraction(1, division)


def _pieces(event: Event) -> Iterator[Event]:
    """An event in parts of one note value each: straight values for straight places, else cut at the beats."""
    cuts = [event.start]
    while cuts[-1] < event.end:
        cuts.append(cuts[-1] + _value(cuts[-1], event.end))
    last = len(cuts) - 2
    for index in range(last + 1):
        tie = event.tie
        if event.pitches and last:
            tie = _tie(is_first=index == 0 and tie in ("", "start"), is_last=index == last and tie in ("", "stop"))
        yield replace(event, start=cuts[index], end=cuts[index + 1], tie=tie)


def _value(start: Fraction, end: Fraction) -> Fraction:
    """The longest note value that begins at `start` and does not pass `end`, nor the beat where triplets are about."""
    beat = Fraction(floor(start) + 1)
    if start.denominator % 3 == 0 or (end < beat and end.denominator % 3 == 0):
        return next(value for value in _TRIPLET if value <= min(end, beat) - start)
    whole = Fraction(floor(end)) if end.denominator % 3 == 0 and floor(end) > start else end
    if whole - start in _STRAIGHT:
        return whole - start
    limit = min(whole, Fraction(ceil(start))) if start.denominator > 1 else whole
    return next(value for value in _STRAIGHT if value <= limit - start)


def _tie(*, is_first: bool, is_last: bool) -> str:
    if is_first:
        return "" if is_last else "start"
    return "stop" if is_last else "continue"
