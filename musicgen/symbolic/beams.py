"""Which notes of a measure share a beam. Knows no MusicXML beyond its words for the parts of a beam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from musicgen.symbolic.metre import Measure
from musicgen.symbolic.note_values import WrittenEvent


def beams_of(events: Sequence[WrittenEvent], measure: Measure) -> list[list[str]]:
    """For each event of a voice, the parts of its beams from the outermost: begin, continue, end, forward hook,
    backward hook. Notes of one beat or tuplet share their beams; rests and longer notes end a beam."""
    found: list[list[str]] = [[] for _ in events]
    for run in _runs(events, measure):
        counts = [_flags(events[number]) for number in run]
        if len(run) > 1:
            for place, number in enumerate(run):
                found[number] = [_part(counts, place, level) for level in range(1, counts[place] + 1)]
    return found


def _runs(events: Sequence[WrittenEvent], measure: Measure) -> Iterator[list[int]]:
    """Indices of consecutive flagged notes in one beat."""
    beat = measure.beat if measure.is_compound else Fraction(1)

    def place(number: int) -> tuple[bool, object]:
        event = events[number]
        is_beamed = bool(event.pitches) and _flags(event) > 0
        return is_beamed, event.tuplet or (event.start - measure.origin) // beat

    for (is_beamed, _), run in groupby(range(len(events)), key=place):
        if is_beamed:
            yield list(run)


def _flags(event: WrittenEvent) -> int:
    """Number of flags of a note value: one for an eighth."""
    flags, value = 0, Fraction(1)
    while event.value < value:
        flags, value = flags + 1, value / 2
    return flags


def _part(counts: Sequence[int], place: int, level: int) -> str:
    before = place > 0 and counts[place - 1] >= level
    after = place + 1 < len(counts) and counts[place + 1] >= level
    if before and after:
        return "continue"
    if before or after:
        return "end" if before else "begin"
    return "forward hook" if place == 0 else "backward hook"
