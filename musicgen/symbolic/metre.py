"""Metre: numerator, denominator and barlines. Lays out the time signatures of a score as measures.

A time signature begins a new bar. A bar that it cuts short stays short, and a first bar that is shorter
than the metre that follows is a pickup. Everything is in exact fractions of a quarter note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from musicgen.symbolic.score import Score, TimeSignature

NEAR = Fraction(1, 16)  # of a quarter note: a signature this close to a barline is moved to it
FINEST = 96  # barlines fall on multiples of this part of a quarter note
MIN_BAR = Fraction(1, 4)  # anything shorter is not a metre
FINEST_UPBEAT = 16  # the smallest unit in which a pickup is written as its own bar


@dataclass(frozen=True)
class Metre:
    """`upbeat`: quarter notes from the start of the music to its first barline, less than a bar."""

    numerator: int = 4
    denominator: int = 4
    upbeat: Fraction = Fraction(0)

    @property
    def bar(self) -> Fraction:
        """Length of a bar in quarter notes."""
        return Fraction(4 * self.numerator, self.denominator)


@dataclass(frozen=True)
class Measure:
    """From one barline to the next.

    Attributes:
        start: of the measure. numerator, denominator: the current metre.
        short: its length if that differs from the metre's. is_pickup: it is the end of an incomplete first bar.
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
        """Where the full bar would have begun; beats are counted from there."""
        return self.end - self.bar if self.is_pickup else self.start

    @property
    def is_compound(self) -> bool:
        """Whether its beats are dotted: 3/8, 6/8, 9/8, 12/16 …"""
        return self.denominator >= 8 and self.numerator % 3 == 0

    @property
    def beat(self) -> Fraction:
        """Length of a counted beat: a quarter note or more, or three units."""
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
    """The metre at a position in quarter notes; without a position, the metre used longest. None if the score
    has none. `upbeat` counts from the start of the score."""
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
    """The metre of most scores, as if each began with a full bar; 4/4 if none has one."""
    found = Counter((metre.numerator, metre.denominator) for score in scores if (metre := metre_at(score)))
    return Metre(*found.most_common(1)[0][0]) if found else Metre()


def signatures_of(metre: Metre, ticks_per_beat: int) -> tuple[TimeSignature, ...]:
    """The time signatures of a metre: a pickup is written as its own first bar."""
    whole = TimeSignature(0, metre.numerator, metre.denominator)
    upbeat = metre.upbeat % metre.bar
    tick = upbeat * ticks_per_beat
    if not upbeat or tick.denominator > 1:
        return (whole,)
    signed = bar_to_signature(upbeat, finest=FINEST_UPBEAT)
    first = TimeSignature(0, *signed) if signed else whole
    return first, replace(whole, tick=int(tick))


def bar_to_signature(bar: Fraction, *, finest: int = 64) -> tuple[int, int] | None:
    """The simplest signature of a bar with this many quarter notes, in quarters if possible: (1, 4) for 1; None if
    no unit down to `finest` divides it."""
    whole = bar / 4
    denominator = max(whole.denominator, 4)
    if bar <= 0 or denominator > finest or denominator.bit_count() != 1:
        return None
    return int(whole * denominator), denominator


def _changes(signatures: Sequence[TimeSignature], ticks_per_beat: int) -> list[Measure]:
    """The valid signatures in order, each as the first measure of its metre."""
    found: dict[Fraction, Measure] = {}
    for signature in sorted(signatures, key=lambda signature: signature.tick):
        place = Fraction(round(Fraction(signature.tick, ticks_per_beat) * FINEST), FINEST)
        if signature.numerator > 0 and signature.denominator > 0:
            measure = Measure(place, signature.numerator, signature.denominator)
            if measure.bar >= MIN_BAR:
                found[place] = measure
    kept: list[Measure] = []
    for measure in found.values():
        if not (kept and _is_said_again(kept[-1], measure)):
            kept.append(measure)
    return kept


def _is_said_again(before: Measure, measure: Measure) -> bool:
    """Whether a signature only repeats the current one: at a barline or, after the first bar, between two beats."""
    if (before.numerator, before.denominator) != (measure.numerator, measure.denominator):
        return False
    into, unit = (measure.start - before.start) % before.bar, Fraction(4, before.denominator)
    is_between = into % unit != 0 and measure.start > before.bar
    return into < NEAR or before.bar - into < NEAR or is_between


@dataclass(frozen=True)
class _Stretch:
    """Bars of one metre, from `start` up to `stop` (None: without end). A pickup is a section of its own."""

    metre: Measure
    start: Fraction
    stop: Fraction | None
    is_pickup: bool = False

    @property
    def origin(self) -> Fraction:
        return self.measure_at(self.start).origin

    def measure_at(self, position: Fraction) -> Measure:
        """The measure that begins there, cut at the end of the section."""
        bar = self.metre.bar
        is_cut = self.stop is not None and self.stop < position + bar
        short = self.stop - position if self.stop is not None and is_cut else None
        return replace(self.metre, start=position, short=short, is_pickup=self.is_pickup)


def _stretches(changes: Sequence[Measure]) -> Iterator[_Stretch]:
    """The metres in order, each moved to a barline that it is close to."""
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
    """The first section, pickups excluded, of the metre used longest up to `end`."""
    lengths: dict[tuple[int, int], Fraction] = {}
    whole = [each for each in stretches if not each.is_pickup]
    for each in whole:
        key = each.metre.numerator, each.metre.denominator
        stop = end if each.stop is None else min(each.stop, end)
        lengths[key] = lengths.get(key, Fraction(0)) + max(stop - each.start, Fraction(0))
    longest = max(lengths, key=lambda key: lengths[key])
    return next(each for each in whole if (each.metre.numerator, each.metre.denominator) == longest)
