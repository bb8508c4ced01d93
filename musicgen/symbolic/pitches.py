"""Pitch numbers ↔ names. Middle C is C4 = MIDI 60, A4 = 69 = 440 Hz."""

from __future__ import annotations

import re

from musicgen.errors import InvalidInput, sentence

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-Ga-g])([#♯]{0,2}|[b♭]{0,2})(-?\d+)")


def pitch_name(pitch: int) -> str:
    """'C4' for 60, 'C#4' for 61. Inverse: `pitch_number`."""
    _check(pitch)
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def pitch_number(name: str) -> int:
    """60 for 'C4'; flats are written b or ♭ ('Bb3'), sharps # or ♯. Inverse: `pitch_name`."""
    found = _NAME.fullmatch(name.strip())
    if not found:
        raise InvalidInput(
            sentence("A pitch must be a letter, an optional accidental and an octave, such as C4 or F#3", repr(name))
        )
    step, accidentals, octave = found.groups()
    alteration = len(accidentals) if accidentals[:1] in ("#", "♯") else -len(accidentals)
    pitch = _STEPS[step.upper()] + alteration + 12 * (int(octave) + 1)
    _check(pitch)
    return pitch


def pitch_to_frequency(pitch: float) -> float:
    """Hz of a (possibly fractional) pitch number in equal temperament."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def _check(pitch: int) -> None:
    if not 0 <= pitch <= 127:
        raise InvalidInput(sentence("A pitch must be 0-127 (C-1 to G9)", pitch))
