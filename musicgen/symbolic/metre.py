"""Metre: numerator, denominator, and where bars begin. What a score says of it, laid out as measures.

A time signature begins a bar where it stands. A bar that it cuts short stays short, and a first bar that is shorter
than the metre behind it is a pickup. Everything is in exact fractions of a quarter note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from musicgen.symbolic.score import Score, TimeSignature

NEAR = Fraction(1, 16)  # of a quarter note: a signature that near to a barline stands on it
FINEST = 96  # barlines lie on so many parts of a quarter note
SHORTEST_BAR = Fraction(1, 4)  # what says less is no metre
FINEST_UPBEAT = 16  # the smallest unit in which a pickup is signed as a bar of its own


@dataclass(frozen=True)
class Metre:
    """`upbeat`: quarter notes from the start of the music to its first barline, less than a bar."""

    numerator: int = 4
    denominator: int = 4
    upbeat: Fraction = Fraction(0)

    @property
    def bar(self) -> Fraction:
        """Quarter notes in a bar."""
        return Fraction(4 * self.numerator, self.denominator)


@dataclass(frozen=True)
class Measure:
    """From one barline to the next.

    Attributes:
        start: of the measure. numerator, denominator: the metre in force.
        short: its length where that is not the metre's. is_pickup: it is the end of a bar that is not there.
    """

    start: Fraction
    numerator: int
    denominator: int
    short: Fraction | None = None
    is_pickup: bool = False

    @cached_property
    def bar(self) -> Fraction:
        """Length of a full measure."""
        return Fraction(4 * self.numerator, self.denominator)

    @property
    def length(self) -> Fraction:
        return self.bar if self.short is None else self.short

    @cached_property
    def end(self) -> Fraction:
        return self.start + self.length

    @cached_property
    def origin(self) -> Fraction:
        """Where the full bar would have begun: beats are counted from there."""
        return self.end - self.bar if self.is_pickup else self.start

    @property
    def is_compound(self) -> bool:
        """Whether its beats are dotted: 3/8, 6/8, 9/8, 12/16 …"""
        return self.denominator >= 8 and self.numerator % 3 == 0

    @property
    def beat(self) -> Fraction:
        """Length of a beat as it is counted: a quarter note or more, or three units."""
        return Fraction(12, self.denominator) if self.is_compound else Fraction(4, min(self.denominator, 4))


def lay_out_measures(signatures: Sequence[TimeSignature], ticks_per_beat: int, end: Fraction) -> list[Measure]:
    """Measures up to `end`, at least one; 4/4 until the first time signature."""
    measures: list[Measure] = []
    for stretch in _stretches(_changes(signatures, ticks_per_beat)):
        position = stretch.start
        while position < stretch.stop if stretch.stop is not None else position < end or not measures:
            if position >= end and measures:
                return measures
            measures.append(stretch.measure_at(position))
            position = measures[-1].end
    return measures


def metre_at(score: Score, beat: Fraction | None = None) -> Metre | None:
    """The metre in force at a quarter note of the score; without one, the metre in force longest. None where the score
    names none. `upbeat` counts from the start of the score."""
    changes = _changes(score.time_signatures, score.ticks_per_beat)
    if not changes:
        return None
    end = int((score.notes["onset_ticks"] + score.notes["duration_ticks"]).max(initial=0))
    stretches = list(_stretches(changes))
    if beat is not None:
        chosen = next((each for each in reversed(stretches) if each.start <= beat), stretches[0])
    else:
        chosen = _longest(stretches, Fraction(end, score.ticks_per_beat))
    return Metre(chosen.metre.numerator, chosen.metre.denominator, chosen.origin % chosen.metre.bar)


def usual_metre(scores: Iterable[Score]) -> Metre:
    """The metre of most scores, as if each began with a bar; 4/4 where none names one."""
    found = Counter((metre.numerator, metre.denominator) for score in scores if (metre := metre_at(score)))
    return Metre(*found.most_common(1)[0][0]) if found else Metre()


def signatures_of(metre: Metre, ticks_per_beat: int) -> tuple[TimeSignature, ...]:
    """The time signatures that say a metre: a pickup is a first bar of its own."""
    whole = TimeSignature(0, metre.numerator, metre.denominator)
    upbeat = metre.upbeat % metre.bar
    tick = upbeat * ticks_per_beat
    if not upbeat or tick.denominator > 1:
        return (whole,)
    signed = bar_to_signature(upbeat, finest=FINEST_UPBEAT)
    first = TimeSignature(0, *signed) if signed else whole
    return first, replace(whole, tick=int(tick))


def bar_to_signature(bar: Fraction, *, finest: int = 64) -> tuple[int, int] | None:
    """The simplest signature of a bar of so many quarter notes, in quarters where it can be: (1, 4) for 1; None where
    no unit down to `finest` divides it."""
    whole = bar / 4
    denominator = max(whole.denominator, 4)
    if bar <= 0 or denominator > finest or denominator.bit_count() != 1:
        return None
    return int(whole * denominator), denominator


def _changes(signatures: Sequence[TimeSignature], ticks_per_beat: int) -> list[Measure]:
    """Signatures that are metres, in order, each as the first measure of its kind."""
    found: dict[Fraction, Measure] = {}
    for signature in sorted(signatures, key=lambda signature: signature.tick):
        place = Fraction(round(Fraction(signature.tick, ticks_per_beat) * FINEST), FINEST)
        if signature.numerator > 0 and signature.denominator > 0:
            measure = Measure(place, signature.numerator, signature.denominator)
            if measure.bar >= SHORTEST_BAR:
                found[place] = measure
    kept: list[Measure] = []
    for measure in found.values():
        if not (kept and _is_said_again(kept[-1], measure)):
            kept.append(measure)
    return kept


def _is_said_again(before: Measure, measure: Measure) -> bool:
    """Whether a signature only repeats the one in force: at a barline, or, behind the first bar, between two beats."""
    if (before.numerator, before.denominator) != (measure.numerator, measure.denominator):
        return False
    into, unit = (measure.start - before.start) % before.bar, Fraction(4, before.denominator)
    is_between = into % unit != 0 and measure.start > before.bar
    return into < NEAR or before.bar - into < NEAR or is_between


@dataclass(frozen=True)
class _Stretch:
    """Bars of one metre, from `start` up to `stop` (None: without end). A pickup is a stretch of its own."""

    metre: Measure
    start: Fraction
    stop: Fraction | None
    is_pickup: bool = False

    @property
    def origin(self) -> Fraction:
        return self.measure_at(self.start).origin

    def measure_at(self, position: Fraction) -> Measure:
        """The measure that begins there: cut where the stretch stops."""
        bar = self.metre.bar
        is_cut = self.stop is not None and self.stop < position + bar
        short = self.stop - position if self.stop is not None and is_cut else None
        return replace(self.metre, start=position, short=short, is_pickup=self.is_pickup)


def _stretches(changes: Sequence[Measure]) -> Iterator[_Stretch]:
    """The metres in their order, moved to the barline that they are near to."""
    metre, start = Measure(Fraction(0), 4, 4), Fraction(0)
    for number, change in enumerate(changes):
        bars = round((change.start - start) / metre.bar)
        nearest = start + bars * metre.bar
        stop = nearest if abs(change.start - nearest) < NEAR else change.start
        if stop > start:
            lasts = number + 1 == len(changes) or changes[number + 1].start >= stop + 2 * change.bar
            stretch = _Stretch(metre, start, stop)
            yield replace(stretch, metre=change, is_pickup=True) if lasts and _is_pickup(stretch, change) else stretch
        metre, start = change, stop
    yield _Stretch(metre, start, None)


def _is_pickup(stretch: _Stretch, following: Measure) -> bool:
    """Whether a first bar is the end of a bar of the next metre: a shorter bar of its own metre, or a part of a bar of
    the same one."""
    first = stretch.measure_at(stretch.start)
    same = (first.numerator, first.denominator) == (following.numerator, following.denominator)
    is_only = stretch.start == 0 and first.end == stretch.stop
    return is_only and first.length < following.bar and (first.short is None or same)


def _longest(stretches: Sequence[_Stretch], end: Fraction) -> _Stretch:
    """The first stretch, and no pickup, of the metre that is in force longest up to `end`."""
    lengths: dict[tuple[int, int], Fraction] = {}
    whole = [each for each in stretches if not each.is_pickup]
    for each in whole:
        key = each.metre.numerator, each.metre.denominator
        stop = end if each.stop is None else min(each.stop, end)
        lengths[key] = lengths.get(key, Fraction(0)) + max(stop - each.start, Fraction(0))
    longest = max(lengths, key=lambda key: lengths[key])
    return next(each for each in whole if (each.metre.numerator, each.metre.denominator) == longest)
