"""General MIDI instruments by program number (0-127). Source: General MIDI System Level 1, MMA 1991."""

from __future__ import annotations

_FAMILIES = {
    "piano": "Grand piano, Bright piano, Electric grand, Honky-tonk piano, Electric piano 1, Electric piano 2, "
    "Harpsichord, Clavinet",
    "tuned percussion": "Celesta, Glockenspiel, Music box, Vibraphone, Marimba, Xylophone, Tubular bells, Dulcimer",
    "organ": "Drawbar organ, Percussive organ, Rock organ, Church organ, Reed organ, Accordion, Harmonica, Bandoneon",
    "guitar": "Nylon guitar, Steel guitar, Jazz guitar, Clean electric guitar, Muted electric guitar, "
    "Overdriven guitar, Distorted guitar, Guitar harmonics",
    "bass": "Double bass (plucked), Electric bass (fingered), Electric bass (picked), Fretless bass, Slap bass 1, "
    "Slap bass 2, Synth bass 1, Synth bass 2",
    "strings": "Violin, Viola, Cello, Contrabass, Tremolo strings, Pizzicato strings, Harp, Timpani",
    "ensemble": "String ensemble 1, String ensemble 2, Synth strings 1, Synth strings 2, Choir aahs, Voice oohs, "
    "Synth voice, Orchestra hit",
    "brass": "Trumpet, Trombone, Tuba, Muted trumpet, French horn, Brass section, Synth brass 1, Synth brass 2",
    "reed": "Soprano saxophone, Alto saxophone, Tenor saxophone, Baritone saxophone, Oboe, English horn, Bassoon, "
    "Clarinet",
    "pipe": "Piccolo, Flute, Recorder, Pan flute, Blown bottle, Shakuhachi, Whistle, Ocarina",
    "synth lead": "Square lead, Sawtooth lead, Calliope lead, Chiff lead, Charang lead, Voice lead, Fifths lead, "
    "Bass and lead",
    "synth pad": "New age pad, Warm pad, Polysynth pad, Choir pad, Bowed pad, Metallic pad, Halo pad, Sweep pad",
    "synth effects": "Rain, Soundtrack, Crystal, Atmosphere, Brightness, Goblins, Echoes, Science fiction",
    "plucked": "Sitar, Banjo, Shamisen, Koto, Kalimba, Bagpipe, Fiddle, Shanai",
    "percussion": "Tinkle bell, Agogo, Steel drums, Woodblock, Taiko drum, Melodic tom, Synth drum, Reverse cymbal",
    "sound effects": "Guitar fret noise, Breath noise, Seashore, Bird tweet, Telephone ring, Helicopter, Applause, "
    "Gunshot",
}
INSTRUMENTS: tuple[str, ...] = tuple(name for family in _FAMILIES.values() for name in family.split(", "))
FAMILIES: tuple[str, ...] = tuple(_FAMILIES)
_KITS = {0: "Drums", 8: "Room drums", 16: "Power drums", 24: "Electronic drums", 25: "Analogue drums"} | {
    32: "Jazz drums",
    40: "Brush drums",
    48: "Orchestral percussion",
    56: "Sound effects kit",
}


def instrument_name(program: int, is_drum: bool = False) -> str:
    """'Violin' for 40; a drum kit's name on the drum channel ('Drums' if the number is not a known kit)."""
    return _KITS.get(program, "Drums") if is_drum else INSTRUMENTS[program]


def instrument_family(program: int, is_drum: bool = False) -> str:
    """'strings' for 40: each family has eight programs."""
    return "drums" if is_drum else FAMILIES[program // 8]
