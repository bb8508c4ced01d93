"""Pitches and drums as note heads: their names, staff positions and accidentals."""

from __future__ import annotations

from musicgen.symbolic.drum_heads import drum_of
from musicgen.symbolic.musicxml import Head
from musicgen.symbolic.note_values import WrittenEvent

_LETTERS = "FCGDAEB"  # along the line of fifths, where C is 0
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def spell_pitch(pitch: int, sharps: int) -> tuple[str, int]:
    """Name and octave of a pitch in a key with this many sharps (flats negative), as in music21: ('B-', 4) for 70 in F.

    Uses the twelve notes from three fifths below the major tonic to eight above: E-flat to G-sharp in C.
    """
    lowest = sharps - 3
    fifth = lowest + (pitch * 7 - lowest) % 12
    alteration = (fifth + 1) // 7
    letter = _LETTERS[(fifth + 1) % 7]
    octave = (pitch - alteration - _NATURALS[letter]) // 12 - 1
    return f"{letter}{'#' * alteration}{'-' * -alteration}", octave


def drum_heads(event: WrittenEvent, part_id: str) -> list[Head]:
    """The drums of a chord; `part_id`: of the part whose instruments they are."""
    drums = [(pitch, drum_of(pitch)) for pitch in event.pitches]
    return [
        Head(drum.display[0], int(drum.display[1:]), instrument=f"{part_id}-I{pitch}", shape=drum.head)
        for pitch, drum in drums
    ]


class Accidentals:
    """The alterations in force in a measure."""

    def __init__(self, sharps: int) -> None:
        self.sharps = sharps
        order = _LETTERS if sharps > 0 else _LETTERS[::-1]
        self.signed = dict.fromkeys(order[: abs(sharps)], 1 if sharps > 0 else -1)
        self.found: dict[tuple[str, int], int] = {}

    def heads(self, event: WrittenEvent) -> list[Head]:
        """The notes of a chord, each with an accidental if it differs from the one in force."""
        heads = []
        for pitch in event.pitches:
            name, octave = spell_pitch(pitch, self.sharps)
            step, alter = name[0], name.count("#") - name.count("-")
            is_new = self.found.get((step, octave), self.signed.get(step, 0)) != alter
            is_new = is_new and event.tie not in ("stop", "continue")
            if is_new:
                self.found[step, octave] = alter
            heads.append(Head(step, octave, alter, accidental=is_new))
        return heads
