"""Note values: writes a voice as notes and rests of one value each, tied where they were split.

Everything is in exact fractions of a quarter note. Knows no ticks and no MusicXML.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from musicgen.symbolic.metre import Measure
from musicgen.symbolic.tuplets import Tuplet, find_tuplets

MAX_REST = Fraction(2)  # readers take a whole rest as a rest of the whole measure, whatever its length
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
class WrittenEvent:
    """A note, a chord, or (without pitches) a rest.

    Attributes:
        velocities: one for each pitch. tie: start, continue or stop if it is part of a longer note.
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
        """The written length: that of the note value, dots included."""
        return self.length if self.tuplet is None else self.length * self.tuplet.actual / self.tuplet.normal


def voice_in_measure(voice: Sequence[WrittenEvent], measure: Measure) -> list[WrittenEvent]:
    """The part of a voice in one measure: events of one note value each, with rests; empty if there is nothing."""
    filled = _filled(voice, measure)
    if not any(event.pitches for event in filled):
        return []
    tuplets = find_tuplets(filled, measure)
    return [piece for event in filled for piece in _pieces(event, measure, tuplets)]


def full_rest(measure: Measure) -> list[WrittenEvent]:
    """The rests of a measure in which nothing sounds: one for a whole measure."""
    rest = WrittenEvent(measure.start, measure.end)
    return [rest] if measure.short is None else list(_pieces(rest, measure, find_tuplets([rest], measure)))


def _filled(voice: Sequence[WrittenEvent], measure: Measure) -> list[WrittenEvent]:
    """The events of a measure, split at its barlines, with rests between."""
    events: list[WrittenEvent] = []
    position = measure.start
    for event in voice[bisect_right(voice, measure.start, key=lambda event: event.end) :]:
        if event.start >= measure.end:
            break
        first, last = max(event.start, measure.start), min(event.end, measure.end)
        if first > position:
            events.append(WrittenEvent(position, first))
        tie = _tie(is_first=event.start >= measure.start, is_last=event.end <= measure.end)
        events.append(replace(event, start=first, end=last, tie=tie))
        position = last
    return [*events, WrittenEvent(position, measure.end)] if position < measure.end else events


def _pieces(event: WrittenEvent, measure: Measure, tuplets: Sequence[Tuplet]) -> Iterator[WrittenEvent]:
    """An event as parts of one note value each, split where tuplets begin and end."""
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


def _in_tuplets(event: WrittenEvent, tuplets: Sequence[Tuplet]) -> Iterator[tuple[Fraction, Fraction, Tuplet | None]]:
    """The parts of an event inside and between tuplets."""
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
    """Note values from one position to another, counted from the beginning of the bar (or tuplet: no measure)."""
    beat = measure.beat if measure and measure.is_compound else None
    stands = _rest_stands if is_rest else _note_stands
    while start < end:
        fitting = (each for each in VALUES if each[1] <= end - start and stands(*each, start, beat))
        # anything shorter than all values has no name but keeps its length
        value = next((with_dots for _, with_dots in fitting), min(end - start, SHORTEST - start % SHORTEST))
        yield value
        start += value


def _note_stands(plain: Fraction, value: Fraction, start: Fraction, beat: Fraction | None) -> bool:
    """Whether a note value leaves the beats visible. `beat`: the dotted beat of a compound metre."""
    if beat is not None:
        if value > beat - start % beat:  # beyond the beat: whole beats only
            return start % beat == 0 and value % beat == 0
        start %= beat
    if value == plain * Fraction(7, 4):
        return beat is None and start % plain == 0
    return start % (plain / 2) == 0


def _rest_stands(plain: Fraction, value: Fraction, start: Fraction, beat: Fraction | None) -> bool:
    """The same for a rest, which begins at a multiple of its length and is dotted only as a dotted beat."""
    if value > MAX_REST:
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
