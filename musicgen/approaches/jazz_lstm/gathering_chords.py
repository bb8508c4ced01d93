"""Chords from several voices together, as often as the harmony changes: once a beat, or every two beats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from musicgen.symbolic.gathering import STEPS, Event

CHORD_PITCHES = 5  # at most, in a chord
CLASHING = (1, 2, 6)  # semitones between two pitch classes, the shorter way round


@dataclass(frozen=True)
class Beat:
    """What sounds in one beat, or in two.

    Attributes:
        sounding: pitch → for how many twelfths of a beat. velocity: of the loudest note.
    """

    onset: int
    length: int
    sounding: Mapping[int, int]
    velocity: int

    @property
    def num_classes(self) -> int:
        return len({pitch % 12 for pitch in self.sounding})

    @property
    def clash(self) -> float:
        """The share of its pairs of pitch classes that are a second, a seventh or a tritone apart."""
        pairs = list(combinations(sorted({pitch % 12 for pitch in self.sounding}), 2))
        clashing = sum(min(high - low, 12 - high + low) in CLASHING for low, high in pairs)
        return clashing / len(pairs) if pairs else 0.0

    def chord(self) -> Event:
        """Of the pitches that sound longest."""
        chosen = sorted(self.sounding, key=lambda pitch: (-self.sounding[pitch], pitch))[:CHORD_PITCHES]
        return Event(self.onset, self.length, tuple(sorted(chosen)), self.velocity)


def gathered_chords(events: Iterable[Event]) -> list[Event]:
    """The chords of some voices, each of at least two pitch classes; a repeated chord becomes one longer chord.

    Two beats are one chord if that clashes no more than either of them does alone: a broken chord is, two chords one
    after the other are not. Notes that pass by within a beat are left out.
    """
    beats = _beats(events)
    chords: list[Event] = []
    for number in sorted({number // 2 for number in beats}):
        pair = [beats[place] for place in (2 * number, 2 * number + 1) if place in beats]
        for beat in _together(pair):
            if beat.num_classes < 2:
                continue
            chord = beat.chord()
            follows = bool(chords) and chords[-1].pitches == chord.pitches and chords[-1].end == chord.onset
            if follows and chord.onset % (4 * STEPS):
                chords[-1] = replace(chords[-1], length=chords[-1].length + chord.length)
            else:
                chords.append(chord)
    return chords


def _beats(events: Iterable[Event]) -> dict[int, Beat]:
    """The beats in which something sounds, by their number, without what passes by."""
    found: dict[int, list[tuple[int, int, int, int]]] = {}  # (pitch, begin, twelfths of a beat, velocity)
    for event in events:
        for number in range(event.onset // STEPS, max(event.end - 1, event.onset) // STEPS + 1):
            begin = max(event.onset, number * STEPS)
            length = max(1, min(event.end, (number + 1) * STEPS) - begin)
            found.setdefault(number, []).extend((pitch, begin, length, event.velocity) for pitch in event.pitches)
    return {number: _beat(number, notes) for number, notes in found.items()}


def _beat(number: int, notes: Iterable[tuple[int, int, int, int]]) -> Beat:
    onset, loudest = number * STEPS, 0
    sounding: dict[int, int] = {}
    from_start: set[int] = set()
    for pitch, begin, length, velocity in notes:
        sounding[pitch] = sounding.get(pitch, 0) + length
        loudest = max(loudest, velocity)
        if begin == onset:
            from_start.add(pitch)
    half = max(sounding.values()) / 2
    all_of_it = Beat(onset, STEPS, sounding, loudest)
    without = {pitch: length for pitch, length in sounding.items() if length > half or pitch in from_start}
    kept = replace(all_of_it, sounding=without)
    return kept if kept.num_classes > 1 else all_of_it


def _together(pair: list[Beat]) -> Iterator[Beat]:
    """Two beats as one, if they are one chord; otherwise each of them."""
    if len(pair) == 2:
        first, second = pair
        both = dict(first.sounding)
        for pitch, length in second.sounding.items():
            both[pitch] = both.get(pitch, 0) + length
        as_one = Beat(first.onset, first.length + second.length, both, max(first.velocity, second.velocity))
        if as_one.clash <= max(first.clash, second.clash):
            yield as_one
            return
    yield from pair
