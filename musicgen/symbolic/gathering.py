"""Turns played notes into the events of a line: notes struck together become one chord, on a grid of short note values.

A player never strikes a chord at one instant, and in a quantised file a chord may end at slightly different ticks;
both are handled the same way. Times are counted in twelfths of a beat (`STEPS`): both the quarters of a beat and its
thirds fall on them, so swing stays swing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from musicgen.symbolic.score import Score

STEPS = 12  # of a beat
TOGETHER = Fraction(1, 16)  # of a beat
Grid = Literal["swing", "straight", "triplets"]
_UNITS: dict[str, tuple[int, ...]] = {"swing": (3, 4), "straight": (3,), "triplets": (4,)}


@dataclass(frozen=True)
class Event:
    """A note or a chord. `onset` and `length` in twelfths of a beat; `pitches` in the order in which they were struck.

    `velocity` is that of the loudest note."""

    onset: int
    length: int
    pitches: tuple[int, ...]
    velocity: int

    @property
    def end(self) -> int:
        return self.onset + self.length

    @property
    def is_chord(self) -> bool:
        return len(self.pitches) > 1


def gather_events(score: Score, tracks: Sequence[int], *, grid: Grid = "swing") -> list[Event]:
    """The events of some tracks together, in the order of their notes.

    A note joins the first note whose onset and end are both within a sixteenth of a beat of its own. A note
    may join two chords that are this close, as in the old music21 versions that this was checked against.

    Args:
        grid: swing rounds onsets and lengths to quarters or thirds of a beat, whichever is nearer; straight to
            quarters, triplets to thirds.
    """
    chosen = score.notes[[int(track) in tracks for track in score.notes["track"]]]
    notes = [(int(n["onset_ticks"]), int(n["duration_ticks"]), int(n["pitch"]), int(n["velocity"])) for n in chosen]
    near, beat = score.ticks_per_beat * TOGETHER, score.ticks_per_beat
    joined, events = set[int](), []
    for number, (onset, length, pitch, velocity) in enumerate(notes):
        if number in joined:
            continue
        pitches = [pitch]
        for other in range(number + 1, len(notes)):
            if notes[other][0] - onset > near:
                break
            if abs(notes[other][0] + notes[other][1] - onset - length) <= near:
                joined.add(other)
                pitches.append(notes[other][2])
                velocity = max(velocity, notes[other][3])
        units = _UNITS[grid]
        events.append(Event(_on_grid(onset, beat, units), _on_grid(length, beat, units), tuple(pitches), velocity))
    return sorted(events, key=lambda event: event.onset)


def _on_grid(ticks: int, beat: int, units: Sequence[int]) -> int:
    """The nearest grid position, in twelfths of a beat; of two equally near, a quarter, then the earlier one."""
    place = Fraction(ticks * STEPS, beat)
    rounded = [unit * ceil(place / unit - Fraction(1, 2)) for unit in units]
    return min(rounded, key=lambda found: abs(place - found))
