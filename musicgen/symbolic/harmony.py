"""The role of a note over a chord: chord tone, scale tone, approach tone, or other.

The rules are those of deepjazz (Kim, 2016) as observed in its output: the scale of a chord is the major scale (over a
major chord) or the dorian scale (over any other) that contains most of its notes; of several, the one with the
highest tonic between C and B. Notes of a scale count only if their commonest spelling is also how the scale spells
them: Db major has its Eb, F, Bb and C, but not its Db, which is read as C# in a file without note names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from musicgen.symbolic.spelling import Interval, Spelled, spell

DISSONANT = (1, 2, 6, 10, 11)  # semitones within the octave: seconds, the tritone, sevenths
_MAJOR = (2, 2, 1, 2, 2, 2)  # semitones from degree to degree
_DORIAN = (2, 1, 2, 2, 2, 1)
_STACKED = (2, 4, 6, 1, 3, 5)  # scale steps of the third, fifth, seventh, ninth, eleventh and thirteenth above a root
_SHARP_TONICS = (6, 8)  # F# and G#; the other black keys are flats as tonics


@dataclass(frozen=True)
class Tones:
    """Pitch classes by their role over a chord."""

    chord: frozenset[int]
    scale: frozenset[int]
    approach: frozenset[int]

    def kind_of(self, pitch: int) -> str:
        """C chord tone, S scale tone, A approach tone (a semitone from a chord tone), X other."""
        for name, members in (("C", self.chord), ("S", self.scale), ("A", self.approach)):
            if pitch % 12 in members:
                return name
        return "X"


@lru_cache(maxsize=4096)
def tones_of(pitches: tuple[int, ...], *, as_written: bool = True) -> Tones:
    """The tones of a chord.

    Args:
        pitches: in the order in which they were struck, which breaks ties for the root.
        as_written: leave out notes that the scale spells differently (see above); False keeps the whole scale.
    """
    chord = frozenset(pitch % 12 for pitch in pitches)
    approach = frozenset((pitch + step) % 12 for pitch in chord for step in (-1, 1))
    return Tones(chord, _scale_of(pitches, as_written), approach)


def quality_of(pitches: Sequence[int]) -> str:
    """major, minor, augmented, diminished, or other: by third and fifth above the root, as spelled."""
    spelled = [spell(pitch) for pitch in pitches]
    root = _root(spelled)
    over = [((note.step - root.step) % 7, (note.pitch - root.pitch) % 12) for note in spelled]
    found = [{semitones for steps, semitones in over if steps == wanted} for wanted in (0, 2, 4)]
    if not found[1] or any(len(each) > 1 for each in found):
        return "other"
    third, fifth = min(found[1]), min(found[2], default=7)
    if not found[2]:
        return {4: "major", 3: "minor"}.get(third, "other")
    return {(4, 7): "major", (3, 7): "minor", (4, 8): "augmented", (3, 6): "diminished"}.get((third, fifth), "other")


def _root(spelled: Sequence[Spelled]) -> Spelled:
    """The note above which most of the others stack in thirds."""
    notes = list({note.step % 7: note for note in reversed(spelled)}.values())[::-1]  # the first of each step
    steps = {note.step % 7 for note in notes}
    if len(notes) == 7:
        return min(spelled, key=lambda note: note.pitch)
    for note in sorted(notes, key=lambda note: note.step % 7):
        if steps == {(note.step + 2 * place) % 7 for place in range(len(notes))}:
            return note
    return max(notes, key=lambda note: _rootness(note, steps))


def _rootness(note: Spelled, steps: set[int]) -> float:
    return sum(1 / (rank + 6) for rank, step in enumerate(_STACKED) if (note.step + step) % 7 in steps)


def _scale_of(pitches: Sequence[int], as_written: bool) -> frozenset[int]:
    shape = _MAJOR if quality_of(pitches) == "major" else _DORIAN
    chord = {pitch % 12 for pitch in pitches}
    tonic = max(range(12), key=lambda tonic: (len(chord & _members(tonic, shape)), tonic))
    return _written_alike(tonic, shape) if as_written else _members(tonic, shape)


@lru_cache
def _members(tonic: int, shape: tuple[int, ...]) -> frozenset[int]:
    return frozenset(place % 12 for place in accumulate(shape, initial=tonic))


@lru_cache
def _written_alike(tonic: int, shape: tuple[int, ...]) -> frozenset[int]:
    """Pitch classes of a scale whose spelling is the one a file without names would get."""
    note = spell(tonic)
    if note.accidental > 0 and tonic not in _SHARP_TONICS:
        note = Spelled(note.step + 1, note.pitch)
    found = set[int]()
    for step in (0, *shape):
        note = note + Interval(int(step > 0), step)
        if note.step == spell(note.pitch).step:
            found.add(note.pitch % 12)
    return frozenset(found)
