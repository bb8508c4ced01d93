"""Finds tuplets: the smallest spans of a measure whose notes do not fall on powers of two.

A span with such notes is halved (a dotted one is split in three) for as long as this cuts no note of a tuplet,
so that a triplet of sixteenths beside an eighth stays half a beat, and a triplet of quarters spans two beats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Protocol

from musicgen.symbolic.metre import Measure

LONGEST = Fraction(4)  # quarter notes that a tuplet may span


class Span(Protocol):
    """A note, chord or rest between two positions; `pitches` is empty for a rest."""

    @property
    def start(self) -> Fraction: ...
    @property
    def end(self) -> Fraction: ...
    @property
    def pitches(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Tuplet:
    """`actual` notes in the time of `normal` ones, from `start` to `end`."""

    start: Fraction
    end: Fraction
    actual: int
    normal: int


def find_tuplets(events: Sequence[Span], measure: Measure) -> list[Tuplet]:
    """The tuplets of one voice in a measure, in order; `events` fill the measure, rests included."""
    found: list[Tuplet] = []
    places = sorted({place for event in events for place in (event.start, event.end)})
    if all(is_straight(place - measure.origin) for place in places):
        return found
    for start, length in _stretches(measure):
        _search(events, places, start, length, found)
    return found


def is_straight(length: Fraction) -> bool:
    """Whether halving alone reaches this position."""
    return length.denominator.bit_count() == 1


def _stretches(measure: Measure) -> Iterator[tuple[Fraction, Fraction]]:
    """The parts of a measure that a tuplet may fill: all of it if it has two to four beats, else its beats."""
    bar, beat = measure.bar, measure.beat
    whole = bar if bar <= LONGEST and not measure.is_compound and bar / beat in (2, 3, 4) else None
    step = whole or (Fraction(2) if measure.denominator == 2 else max(beat, Fraction(1, 4)))
    position = measure.origin
    while position < measure.end:
        yield position, step
        position += step


def _search(
    events: Sequence[Span], places: Sequence[Fraction], start: Fraction, length: Fraction, found: list[Tuplet]
) -> None:
    inside = {place for place in places if start < place < start + length}
    odd = {place for place in inside if not is_straight(place - start)}
    if not odd:
        return
    parts = 3 if length.numerator % 3 == 0 else 2
    part = length / parts
    cuts = [start + part * number for number in range(1, parts)]
    is_cut = any(
        event.start < cut < event.end and ({event.start, event.end} & odd) and (event.pitches or length <= 1)
        for event in events
        for cut in cuts
    )
    tuplet = _tuplet(start, length, inside)
    if is_cut and (length <= 1 or _is_simple(tuplet, length, inside)):
        found.append(tuplet)
        return
    for number in range(parts):
        _search(events, places, start + part * number, part, found)


def _tuplet(start: Fraction, length: Fraction, inside: set[Fraction]) -> Tuplet:
    actual = _odd_part(lcm(*(((place - start) / length).denominator for place in inside)))
    unit = _odd_part(length.numerator)
    normal = unit if unit < actual else 1
    while normal * 2 <= actual:
        normal *= 2
    common = gcd(actual, normal)
    return Tuplet(start, start + length, actual // common, normal // common)


def _is_simple(tuplet: Tuplet, length: Fraction, inside: set[Fraction]) -> bool:
    """Whether a tuplet longer than a beat is one that people write: equal notes, possibly halved once."""
    parts = lcm(*(((place - tuplet.start) / length).denominator for place in inside))
    return length <= LONGEST and parts // _odd_part(parts) <= 2 and _odd_part(parts) == tuplet.actual


def _odd_part(number: int) -> int:
    return number // (number & -number)
