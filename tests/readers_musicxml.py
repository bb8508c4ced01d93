"""What a MusicXML file sounds like, as music21 reads it: an independent reader for tests of notation."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from musicgen.symbolic.drum_heads import DRUMS, drum_of
from musicgen.symbolic.music21_locked import music21_locked
from musicgen.symbolic.score import Score

Note = tuple[Fraction, Fraction, int, int]  # onset and length in quarter notes, pitch, velocity
NEAR = Fraction(1, 96)
_KEYS = {(drum_of(key).display, drum_of(key).head): key for key in range(128)}
assert set(DRUMS) <= set(_KEYS.values())


def read_musicxml(content: bytes, folder: Path) -> Any:
    """The stream of a document."""
    path = folder / "score.musicxml"
    path.write_bytes(content)
    return music21_locked().converter.parseFile(path, forceSource=True)


def sounding(part: Any) -> list[Note]:
    """The notes of a part, ties joined, at sounding pitch, in order. Drums by their key."""
    found: list[Note] = []
    open_ties: dict[tuple[Fraction, int], list[tuple[str, int]]] = {}
    for start, voice, element in _elements(part.toSoundingPitch()):
        length = Fraction(element.quarterLength)
        for member in element.notes if hasattr(element, "notes") else [element]:
            pitch, kind = _pitch(member), member.tie.type if member.tie else ""
            if kind in ("stop", "continue"):
                number = _other_end(open_ties[_key(start), pitch], voice)
                found[number] = (found[number][0], found[number][1] + length, *found[number][2:])
            else:
                number = len(found)
                found.append((start, length, pitch, member.volume.velocity))
            if kind in ("start", "continue"):
                open_ties.setdefault((_key(start + length), pitch), []).append((voice, number))
    assert not any(open_ties.values()), "a tie leads nowhere"
    return sorted(found)


def _elements(part: Any) -> list[tuple[Fraction, str, Any]]:
    """(onset, voice, note or chord) of a part in order."""
    found = []
    for measure in part.getElementsByClass("Measure"):
        for voice in measure.voices or [measure]:
            name = str(voice.id) if measure.voices else ""
            found += [(Fraction(measure.offset + element.offset), name, element) for element in voice.notes]
    return sorted(found, key=lambda each: each[0])


def _other_end(waiting: list[tuple[str, int]], voice: str) -> int:
    """The note of the same voice that is tied to here, else the first."""
    own = next((each for each in waiting if each[0] == voice), waiting[0])
    waiting.remove(own)
    return own[1]


def written(score: Score, track: int) -> list[Note]:
    """The notes of a track as the MIDI file has them."""
    beat = score.ticks_per_beat
    rows = score.notes[score.notes["track"] == track]
    return sorted(
        (Fraction(int(on), beat), Fraction(int(length), beat), int(pitch), int(velocity))
        for on, length, pitch, velocity, _ in rows.tolist()
    )


def differences(expected: list[Note], heard: list[Note]) -> list[tuple[str, Note]]:
    """Notes that have no partner of the same pitch and velocity whose onset and end are within 1/96 beat."""
    left: dict[tuple[int, int, int], list[Note]] = {}
    for note in heard:
        left.setdefault((note[2], note[3], note[0] // 1), []).append(note)
    missing = []
    for note in expected:
        beats = (note[0] // 1 + step for step in (0, -1, 1))
        places = [place for beat in beats if (place := left.get((note[2], note[3], beat)))]
        found = next((place for place in places for other in place if _is_alike(note, other)), None)
        if found is None:
            missing.append(note)
        else:
            found.remove(next(other for other in found if _is_alike(note, other)))
    return [("missing", note) for note in missing] + [("added", note) for place in left.values() for note in place]


def _is_alike(note: Note, other: Note) -> bool:
    return (
        note[2:] == other[2:]
        and abs(note[0] - other[0]) <= NEAR
        and abs(note[0] + note[1] - other[0] - other[1]) <= NEAR
    )


def _key(place: Fraction) -> Fraction:
    return Fraction(round(place * 20_160), 20_160)


def _pitch(member: Any) -> int:
    if hasattr(member, "pitch"):
        return int(member.pitch.midi)
    return _KEYS[f"{member.displayStep}{member.displayOctave}", member.notehead or "normal"]
