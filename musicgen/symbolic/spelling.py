"""Spells pitch numbers as written notes and names the intervals between them: 'm-3', 'A4', 'P8'.

A MIDI file has keys, not names. Every pitch class has one name here, the commonest (C C# D Eb E F F# G G# A Bb B), so
a name is equivalent to a pitch class. Still, an interval keeps its steps on the staff as well as its semitones: from C#
to Eb is a diminished third ('d3'), from C to D a major second ('M2').
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from musicgen.errors import InvalidInput, sentence

# Step on the staff (C = 0 … B = 6) of each pitch class; the rest is its accidental.
_STEPS = (0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6)
_NATURALS = (
    0,
    2,
    4,
    5,
    7,
    9,
    11,
)  # semitones of the seven steps above C, which are also the perfect and major intervals
_PERFECT = (0, 3, 4)  # unison, fourth, fifth
_NAME = re.compile(r"(P|M|m|A+|d+)(-?)([1-9]\d*)")


class Interval(NamedTuple):
    """A directed distance: `steps` on the staff and `semitones`, both negative downwards."""

    steps: int
    semitones: int

    def __add__(self, other: object) -> Interval:
        if not isinstance(other, Interval):
            return NotImplemented
        return Interval(self.steps + other.steps, self.semitones + other.semitones)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.steps - other.steps, self.semitones - other.semitones)


MINOR_THIRD = Interval(2, 3)


@dataclass(frozen=True)
class Spelled:
    """A written note: `step` on the staff, counted across octaves, and its pitch number (C of step 0 = 0)."""

    step: int
    pitch: int

    @property
    def accidental(self) -> int:
        """Sharps, or flats as a negative number."""
        octave, step = divmod(self.step, 7)
        return self.pitch - 12 * octave - _NATURALS[step]

    def __add__(self, interval: Interval) -> Spelled:
        return Spelled(self.step + interval.steps, self.pitch + interval.semitones)


def spell(pitch: int) -> Spelled:
    """The commonest spelling of a pitch number."""
    octave, pitch_class = divmod(pitch, 12)
    return Spelled(7 * octave + _STEPS[pitch_class], pitch)


def interval_between(first: int, second: int) -> Interval:
    """From one pitch number to another."""
    one, two = spell(first), spell(second)
    return Interval(two.step - one.step, two.pitch - one.pitch)


def plain_interval(semitones: int) -> Interval:
    """The commonest interval of this many semitones: from C to the common spelling of its upper note."""
    return interval_between(60, 60 + semitones)


def interval_name(interval: Interval) -> str:
    """'P1', 'm3', 'M-2' (downwards), 'dd5': quality, direction, steps spanned. Inverse: `read_interval`."""
    direction = -1 if interval.steps < 0 else 1
    octaves, step = divmod(abs(interval.steps), 7)
    excess = direction * interval.semitones - 12 * octaves - _NATURALS[step]
    return f"{_quality(excess, step in _PERFECT)}{direction * (abs(interval.steps) + 1)}"


def read_interval(name: str) -> Interval:
    """The interval with this name. Raises InvalidInput if there is none."""
    found = _NAME.fullmatch(name)
    if not found:
        raise InvalidInput(
            sentence("An interval must be a quality and a number of steps, such as m3 or A-4", repr(name))
        )
    quality, sign, number = found.groups()
    direction, steps = (-1 if sign else 1), int(number) - 1
    octaves, step = divmod(steps, 7)
    if (quality == "P") != (step in _PERFECT) and quality in "PMm":
        raise InvalidInput(
            sentence("Unisons, fourths, fifths and octaves must be perfect, others major or minor", name)
        )
    semitones = 12 * octaves + _NATURALS[step] + _excess(quality, step in _PERFECT)
    return Interval(direction * steps, direction * semitones)


def _quality(excess: int, is_perfect: bool) -> str:
    """Name of the quality this many semitones above the perfect or major interval."""
    if excess > 0:
        return "A" * excess
    if is_perfect:
        return "d" * -excess or "P"
    return "M" if excess == 0 else "m" if excess == -1 else "d" * (-excess - 1)


def _excess(quality: str, is_perfect: bool) -> int:
    if quality[0] == "A":
        return len(quality)
    if quality[0] == "d":
        return -len(quality) - (not is_perfect)
    return -1 if quality == "m" else 0
