"""From ticks to note values: what was played as what can be written down.

Notes become chords, chords become voices, voices become notes and rests that one note value each can say, tied where
they were cut. Everything is in exact fractions of a quarter note. Knows no music21 and no MusicXML.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.metre import Measure
from musicgen.symbolic.note_grids import Spans, exact_spans
from musicgen.symbolic.score import Score
from musicgen.symbolic.tuplets import Tuplet, find_tuplets

MAX_VOICES = 4  # of one staff, where music was played and not written
MOST_VOICES = 64  # of what was written: no more than that sounds at once
LONGEST_REST = Fraction(2)  # readers take a whole rest for one of the whole measure, whatever its length
_PLAIN = tuple(Fraction(2) ** power for power in range(3, -9, -1))  # breve to 1024th
SHORTEST = _PLAIN[-1] / 2
# (undotted value, with its dots), the longest first
VALUES = tuple(
    sorted(
        ((plain, plain * dots) for plain in _PLAIN for dots in (1, Fraction(3, 2), Fraction(7, 4))),
        key=lambda each: -each[1],
    )
)


@dataclass(frozen=True, order=True)
class Event:
    """A note, a chord, or (without pitches) a rest.

    Attributes:
        velocities: one for each pitch. tie: start, continue or stop where it is part of a longer one.
        tuplet: that it belongs to.
    """

    start: Fraction
    end: Fraction
    pitches: tuple[int, ...] = ()
    velocities: tuple[int, ...] = ()
    tie: str = ""
    tuplet: Tuplet | None = None

    @property
    def length(self) -> Fraction:
        return self.end - self.start

    @property
    def value(self) -> Fraction:
        """Length as it is written: that of the note value, dots included."""
        return self.length if self.tuplet is None else self.length * self.tuplet.actual / self.tuplet.normal


def score_to_voices(score: Score, track: int) -> list[list[Event]]:
    """The chords of one track, dealt out to voices: as many as it takes where the music was written, else four."""
    notes = score.notes[score.notes["track"] == track]
    spans = _spans(notes, score.ticks_per_beat)
    return chords_to_voices(_chords(notes, spans), MOST_VOICES if spans.is_written else MAX_VOICES)


def score_to_chords(score: Score, track: int) -> list[Event]:
    """The chords of one track in order: notes that begin and end together. Of a pitch that is struck twice at once,
    each is in a chord of its own."""
    notes = score.notes[score.notes["track"] == track]
    return _chords(notes, _spans(notes, score.ticks_per_beat))


def _spans(notes: NDArray[np.void], ticks_per_beat: int) -> Spans:
    return Spans(notes["onset_ticks"], notes["onset_ticks"] + notes["duration_ticks"], ticks_per_beat)


def _chords(notes: NDArray[np.void], spans: Spans) -> list[Event]:
    chords: dict[tuple[Fraction, Fraction, int], dict[int, int]] = {}
    struck: Counter[tuple[Fraction, Fraction, int]] = Counter()
    for place, pitch, velocity in zip(
        exact_spans(spans), notes["pitch"].tolist(), notes["velocity"].tolist(), strict=True
    ):
        chords.setdefault((*place, struck[*place, pitch]), {})[pitch] = velocity
        struck[*place, pitch] += 1
    return sorted(
        Event(start, end, tuple(sorted(found)), tuple(found[pitch] for pitch in sorted(found)))
        for (start, end, _), found in chords.items()
    )


def chords_to_voices(chords: Sequence[Event], most: int = MOST_VOICES) -> list[list[Event]]:
    """Chords that overlap are dealt out to voices; what would mix two divisions of one beat goes to another voice.

    Args:
        most: voices; one more cuts short the one that would end first.
    """
    voices: list[list[Event]] = []
    for chord in chords:
        free = [voice for voice in voices if voice[-1].end <= chord.start]
        fitting = next((voice for voice in free if _is_simple_together(voice, chord)), None)
        if fitting is not None:
            fitting.append(chord)
        elif len(voices) < MAX_VOICES or (len(voices) < most and not free):
            voices.append([chord])
        elif free:
            free[0].append(chord)
        else:
            _cut_short(min(voices, key=lambda events: events[-1].end), chord)
    return voices


def voice_in_measure(voice: Sequence[Event], measure: Measure) -> list[Event]:
    """What of a voice sounds in a measure: events of one note value each, rests between; empty where nothing is."""
    filled = _filled(voice, measure)
    if not any(event.pitches for event in filled):
        return []
    tuplets = find_tuplets(filled, measure)
    return [piece for event in filled for piece in _pieces(event, measure, tuplets)]


def full_rest(measure: Measure) -> list[Event]:
    """The rests of a measure in which nothing sounds: one for a whole measure."""
    rest = Event(measure.start, measure.end)
    return [rest] if measure.short is None else list(_pieces(rest, measure, find_tuplets([rest], measure)))


def _is_simple_together(voice: Sequence[Event], chord: Event) -> bool:
    """Whether a chord divides the beat in which it begins as the voice before it does, or more finely."""
    beat = chord.start // 1
    if chord.start == beat:
        return True
    before = 1
    for event in reversed(voice):
        if event.end <= beat:
            break
        before = lcm(before, *(place.denominator for place in (event.start, event.end) if place // 1 == beat))
    own = lcm(chord.start.denominator, chord.end.denominator if chord.end < beat + 1 else 1)
    return lcm(before, own) <= 2 * max(before, own)


def _cut_short(voice: list[Event], chord: Event) -> None:
    """Put a chord into a voice that still sounds."""
    last = voice.pop()
    if last.start < chord.start:
        voice += [replace(last, end=chord.start), chord]
        return
    loud = dict(zip(last.pitches, last.velocities, strict=False)) | dict(
        zip(chord.pitches, chord.velocities, strict=False)
    )
    pitches = tuple(sorted({*last.pitches, *chord.pitches}))
    voice.append(replace(last, pitches=pitches, velocities=tuple(loud[pitch] for pitch in pitches if pitch in loud)))


def _filled(voice: Sequence[Event], measure: Measure) -> list[Event]:
    """The events of a measure, cut at its barlines, with rests between."""
    events: list[Event] = []
    position = measure.start
    for event in voice[bisect_right(voice, measure.start, key=lambda event: event.end) :]:
        if event.start >= measure.end:
            break
        first, last = max(event.start, measure.start), min(event.end, measure.end)
        if first > position:
            events.append(Event(position, first))
        tie = _tie(is_first=event.start >= measure.start, is_last=event.end <= measure.end)
        events.append(replace(event, start=first, end=last, tie=tie))
        position = last
    return [*events, Event(position, measure.end)] if position < measure.end else events


def _pieces(event: Event, measure: Measure, tuplets: Sequence[Tuplet]) -> Iterator[Event]:
    """An event in parts of one note value each, cut where tuplets begin and end."""
    parts = []
    for start, end, tuplet in _in_tuplets(event, tuplets):
        if tuplet is None:
            values = _values(start - measure.origin, end - measure.origin, measure, is_rest=not event.pitches)
            ratio = Fraction(1)
        else:
            ratio = Fraction(tuplet.normal, tuplet.actual)
            first, last = (start - tuplet.start) / ratio, (end - tuplet.start) / ratio
            values = _values(first, last, None, is_rest=not event.pitches)
        for value in values:
            parts.append((start, start + value * ratio, tuplet))
            start += value * ratio
    for number, (start, end, tuplet) in enumerate(parts):
        tie, is_last = event.tie, number == len(parts) - 1
        if event.pitches and len(parts) > 1:
            tie = _tie(is_first=number == 0 and tie in ("", "start"), is_last=is_last and tie in ("", "stop"))
        yield replace(event, start=start, end=end, tie=tie, tuplet=tuplet)


def _in_tuplets(event: Event, tuplets: Sequence[Tuplet]) -> Iterator[tuple[Fraction, Fraction, Tuplet | None]]:
    """The parts of an event that lie in tuplets, and those between."""
    position = event.start
    for tuplet in tuplets:
        if tuplet.end <= position or tuplet.start >= event.end:
            continue
        if position < tuplet.start:
            yield position, tuplet.start, None
        position = max(position, tuplet.start)
        yield position, min(event.end, tuplet.end), tuplet
        position = min(event.end, tuplet.end)
    if position < event.end:
        yield position, event.end, None


def _values(start: Fraction, end: Fraction, measure: Measure | None, *, is_rest: bool) -> Iterator[Fraction]:
    """Note values from one place to another, counted from the beginning of the bar (or tuplet: no measure)."""
    beat = measure.beat if measure and measure.is_compound else None
    stands = _rest_stands if is_rest else _note_stands
    while start < end:
        fitting = (each for each in VALUES if each[1] <= end - start and stands(*each, start, beat))
        # what is shorter than any value has no name and keeps its length all the same
        value = next((with_dots for _, with_dots in fitting), min(end - start, SHORTEST - start % SHORTEST))
        yield value
        start += value


def _note_stands(plain: Fraction, value: Fraction, start: Fraction, beat: Fraction | None) -> bool:
    """Whether a note value shows where the beats are. `beat`: the dotted beat of a compound metre."""
    if beat is not None:
        if value > beat - start % beat:  # beyond the beat: whole beats alone
            return start % beat == 0 and value % beat == 0
        start %= beat
    if value == plain * Fraction(7, 4):
        return beat is None and start % plain == 0
    return start % (plain / 2) == 0


def _rest_stands(plain: Fraction, value: Fraction, start: Fraction, beat: Fraction | None) -> bool:
    """The same for a rest, which begins where its like begin, and has a dot only as a dotted beat."""
    if value > LONGEST_REST:
        return False
    if value != plain:
        return value == beat and start % beat == 0
    if beat is not None:
        if value > beat - start % beat:
            return False
        start %= beat
    return start % value == 0


def _tie(*, is_first: bool, is_last: bool) -> str:
    if is_first:
        return "" if is_last else "start"
    return "stop" if is_last else "continue"
