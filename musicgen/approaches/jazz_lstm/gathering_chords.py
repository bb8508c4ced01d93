"""Chords from several voices together, as often as the harmony changes: once a beat, or every two beats."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from musicgen.approaches.jazz_lstm.lines import is_harmony
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.harmony import DISSONANT

CHORD_PITCHES = 5  # at most, in a chord
STEP = (1, 2)  # semitones


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

    def chord(self) -> Event:
        """Of the pitches that sound longest."""
        chosen = sorted(self.sounding, key=lambda pitch: (-self.sounding[pitch], pitch))[:CHORD_PITCHES]
        return Event(self.onset, self.length, tuple(sorted(chosen)), self.velocity)


def gathered_chords(events: Iterable[Event], barlines: Sequence[int] = (0,)) -> list[Event]:
    """The chords of some voices, each of at least two pitch classes; a chord repeated in its measure becomes one longer
    chord.

    Two beats, counted from the barline, are one chord if no note of the one clashes with a note of the other: a broken
    chord is one, and two chords in a row seldom are. Notes that pass by within a beat are left out.

    Args:
        barlines: in twelfths of a beat, in order, the first one not after the first event.
    """
    beats, begins = _beats(events), set(barlines)
    pairs: dict[tuple[int, int], list[Beat]] = {}
    for number in sorted(beats):
        measure = max(bisect_right(barlines, number * STEPS) - 1, 0)
        place = (number * STEPS - barlines[measure]) // STEPS
        pairs.setdefault((measure, place // 2), []).append(beats[number])
    chords: list[Event] = []
    for pair in pairs.values():
        for chord in (beat.chord() for beat in _together(pair)):
            if not is_harmony(chord):
                continue
            follows = bool(chords) and chords[-1].pitches == chord.pitches and chords[-1].end == chord.onset
            if follows and chord.onset not in begins:
                chords[-1] = replace(chords[-1], length=chords[-1].length + chord.length)
            else:
                chords.append(chord)
    return chords


def _beats(events: Iterable[Event]) -> dict[int, Beat]:
    """The beats in which something sounds, by their number, without what passes by."""
    found: dict[int, list[tuple[int, int, int, int]]] = {}  # (pitch, begin, twelfths of a beat, velocity)
    for event in (each for each in events if each.pitches):
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

    def passes(pitch: int) -> bool:
        """Whether it is short, begins within the beat, and lies a step from a note that begins with the beat."""
        is_short = sounding[pitch] <= half and pitch not in from_start
        return is_short and any(abs(pitch - other) in STEP for other in from_start)

    return Beat(onset, STEPS, {pitch: length for pitch, length in sounding.items() if not passes(pitch)}, loudest)


def _together(pair: list[Beat]) -> Iterator[Beat]:
    """Two beats as one, if they are one chord; otherwise each of them."""
    if len(pair) == 2:
        first, second = pair
        both = dict(first.sounding)
        for pitch, length in second.sounding.items():
            both[pitch] = both.get(pitch, 0) + length
        if not any((one - other) % 12 in DISSONANT for one in first.sounding for other in second.sounding):
            yield Beat(
                first.onset, second.onset + second.length - first.onset, both, max(first.velocity, second.velocity)
            )
            return
    yield from pair
