"""How General MIDI drums are notated: staff position and note head, a different pair for every key.

Sources: General MIDI System Level 1, MMA 1991, for the keys; Weinberg, *Guide to Standardized Drumset Notation*, 1998,
for the drum set. Knows no MusicXML.
"""

from __future__ import annotations

from typing import NamedTuple


class Drum(NamedTuple):
    """`display`: its staff position, as the note at that position in treble clef."""

    name: str
    display: str
    head: str = "normal"


DRUMS = {
    35: Drum("Acoustic bass drum", "E4"),
    36: Drum("Bass drum 1", "F4"),
    37: Drum("Side stick", "C5", "x"),
    38: Drum("Acoustic snare", "C5"),
    39: Drum("Hand clap", "B4", "x"),
    40: Drum("Electric snare", "C5", "diamond"),
    41: Drum("Low floor tom", "G4"),
    42: Drum("Closed hi-hat", "G5", "x"),
    43: Drum("High floor tom", "A4"),
    44: Drum("Pedal hi-hat", "D4", "x"),
    45: Drum("Low tom", "B4"),
    46: Drum("Open hi-hat", "G5", "circle-x"),
    47: Drum("Low-mid tom", "D5"),
    48: Drum("High-mid tom", "E5"),
    49: Drum("Crash cymbal 1", "A5", "x"),
    50: Drum("High tom", "F5"),
    51: Drum("Ride cymbal 1", "F5", "x"),
    52: Drum("Chinese cymbal", "C6", "x"),
    53: Drum("Ride bell", "F5", "diamond"),
    54: Drum("Tambourine", "D5", "triangle"),
    55: Drum("Splash cymbal", "A5", "diamond"),
    56: Drum("Cowbell", "E5", "triangle"),
    57: Drum("Crash cymbal 2", "B5", "x"),
    58: Drum("Vibraslap", "D5", "x"),
    59: Drum("Ride cymbal 2", "D5", "diamond"),
    60: Drum("High bongo", "E5", "diamond"),
    61: Drum("Low bongo", "B4", "diamond"),
    62: Drum("Mute high conga", "E5", "x"),
    63: Drum("Open high conga", "E5", "circle-x"),
    64: Drum("Low conga", "A4", "diamond"),
    65: Drum("High timbale", "F5", "triangle"),
    66: Drum("Low timbale", "A4", "triangle"),
    67: Drum("High agogo", "G5", "triangle"),
    68: Drum("Low agogo", "B4", "triangle"),
    69: Drum("Cabasa", "A5", "triangle"),
    70: Drum("Maracas", "A5", "circle-x"),
    71: Drum("Short whistle", "C6", "triangle"),
    72: Drum("Long whistle", "C6", "diamond"),
    73: Drum("Short guiro", "B5", "triangle"),
    74: Drum("Long guiro", "B5", "diamond"),
    75: Drum("Claves", "G5", "diamond"),
    76: Drum("High wood block", "C5", "triangle"),
    77: Drum("Low wood block", "G4", "triangle"),
    78: Drum("Mute cuica", "G4", "x"),
    79: Drum("Open cuica", "G4", "circle-x"),
    80: Drum("Mute triangle", "D6", "x"),
    81: Drum("Open triangle", "D6", "triangle"),
}
SNARE = 38
DRUM_SET = frozenset(range(35, 51)) - {39}  # known to every program that reads drums
_HEADS = ("normal", "x", "diamond", "triangle", "circle-x", "slash", "square", "cross")
_STEPS = "CDEFGAB"


def drum_of(pitch: int) -> Drum:
    """The drum of a key. Keys that General MIDI does not define have their own positions below and above the staff."""
    if pitch in DRUMS:
        return DRUMS[pitch]
    place, head = divmod(pitch if pitch < 35 else pitch - 82, len(_HEADS))
    step = (21 if pitch < 35 else 44) + place  # positions that no General MIDI drum uses: C3 to G3, and E6 upwards
    octave, letter = divmod(step, 7)
    return Drum(f"Percussion {pitch}", f"{_STEPS[letter]}{octave}", _HEADS[head])
