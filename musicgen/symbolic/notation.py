"""Writes scores as sheet music in MusicXML that sounds exactly like the score.

It keeps every pitch, onset, length and velocity, tempo marks, metres, keys and instruments. `written_score` does the
arithmetic, `musicxml` knows the elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count
from math import lcm

import numpy as np

from musicgen.symbolic import musicxml
from musicgen.symbolic.beams import beams_of
from musicgen.symbolic.drum_heads import DRUM_SET, SNARE, drum_of
from musicgen.symbolic.instruments import INSTRUMENTS, instrument_name
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.metre import Measure
from musicgen.symbolic.midi_writing import assign_channels
from musicgen.symbolic.musicxml import Player
from musicgen.symbolic.note_heads import Accidentals, drum_heads
from musicgen.symbolic.note_values import WrittenEvent
from musicgen.symbolic.score import DEFAULT_TEMPO, Score, TempoChange
from musicgen.symbolic.written_score import Part, Voices, WrittenScore, note_ids, write_down

FINEST = 480  # parts of a quarter note for tempo marks, unless the notes need others
SHOWN_CHANGE = 0.04  # smallest relative tempo change that is printed
# Lowest median pitch of each clef, with its sign, line and octave shift
_CLEFS = ((81, ("G", 2, 1)), (57, ("G", 2, 0)), (36, ("F", 4, 0)), (0, ("F", 4, -1)))
_OTHER_PIANOS = range(1, 7)  # readers trust the name over the program and turn every piano into a grand piano
_PERCUSSION_CLEF = ("percussion", 2, 0)


def score_to_musicxml(score: Score, *, title: str = "") -> bytes:
    """The score as a MusicXML document (UTF-8), one part for each track that has notes, at sounding pitch.

    Raises InvalidInput for no notes, and for more than 20,000, which notation programs do not open.
    """
    return written_to_musicxml(write_down(score), title=title)


def written_to_musicxml(
    written: WrittenScore, *, title: str = "", has_ids: bool = False, name_length: int | None = None
) -> bytes:
    """The same for a score that is written down.

    Args:
        has_ids: every note has its id (`written_score.note_ids`).
        name_length: names of parts are cut to this many letters.
    """
    score, parts = written.score, written.parts
    divisions = _divisions(parts, written.measures)
    heads = [(part.id, _short(_name(score, part), name_length), _players(score, part)) for part in parts]
    bodies = (_body(written, part, divisions, has_tempos=part is parts[0], has_ids=has_ids) for part in parts)
    return musicxml.document(title, heads, bodies)


def _divisions(parts: Sequence[Part], measures: Sequence[Measure]) -> int:
    """Divisions of a quarter note that make all lengths whole numbers."""
    lengths = {measure.length.denominator for measure in measures}
    voices = (voice for part in parts for found in part.measures for voice in found.values())
    lengths |= {event.length.denominator for voice in voices for event in voice}
    return lcm(*lengths, FINEST)


def _name(score: Score, part: Part) -> str:
    track = score.tracks[part.track]
    return track.name or instrument_name(track.program, track.is_drum)


def _short(name: str, length: int | None) -> str:
    return name if length is None or len(name) <= length else f"{name[: length - 1].rstrip()}…"


def _players(score: Score, part: Part) -> list[Player]:
    """The instrument of a part; for a drum set, one for each drum that plays."""
    track, (port, place) = score.tracks[part.track], assign_channels(score.tracks)[part.track]
    channel = place if port == 0 else None
    if not track.is_drum:
        name = "" if track.program in _OTHER_PIANOS else INSTRUMENTS[track.program]
        return [Player(f"{part.id}-I1", name, channel, track.program)]
    keys = np.unique(score.notes["pitch"][score.notes["track"] == part.track]).tolist()
    known = [key for key in keys if key in DRUM_SET] or [SNARE]  # a reader that takes only one takes the first
    keys = [*known, *(key for key in keys if key not in DRUM_SET)]
    return [Player(f"{part.id}-I{key}", drum_of(key).name, channel, track.program, key) for key in keys]


def _body(written: WrittenScore, part: Part, divisions: int, *, has_tempos: bool, has_ids: bool) -> Iterator[str]:
    """The measures of a part."""
    score, measures = written.score, written.measures
    is_drum = score.tracks[part.track].is_drum
    keys = _Keys(score)
    tempos = _tempo_marks(score, measures, divisions) if has_tempos else {}
    time, key = None, None
    numbers = count(0 if measures[0].is_pickup else 1)
    for index, (measure, number) in enumerate(zip(measures, numbers, strict=False)):
        new_time, new_key = (measure.numerator, measure.denominator), keys.in_measure(measure)
        implicit = ' implicit="yes"' if measure.is_pickup else ""
        yield f'<measure number="{number}"{implicit}>'
        yield musicxml.attributes(
            divisions=divisions if index == 0 else None,
            key=new_key if new_key != key else None,
            time=new_time if new_time != time else None,
            clef=_clef(score, part) if index == 0 else None,
        )
        time, key = new_time, new_key
        yield from tempos.get(index, ())
        ids = (part.id, index) if has_ids else None
        yield from _voices(part.measures[index], measure, divisions, key[0], drums=part.id if is_drum else "", ids=ids)
        if index == len(measures) - 1:
            yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>'
        yield "</measure>"


def _voices(
    voices: Voices, measure: Measure, divisions: int, sharps: int, *, drums: str, ids: tuple[str, int] | None
) -> Iterator[str]:
    """The notes of a measure, one voice after the other. `drums`: id of the part if it is a drum set. `ids`: the part
    and the index of the measure, if the notes have ids."""
    accidentals = Accidentals(sharps)
    notes = (event for events in voices.values() for event in events if event.pitches)
    in_order = sorted(notes, key=lambda event: event.start)
    heads = {id(event): drum_heads(event, drums) if drums else accidentals.heads(event) for event in in_order}
    fills = not heads and measure.short is None
    for place, (number, events) in enumerate(voices.items()):
        if place:
            yield musicxml.backup(int(measure.length * divisions))
        beams = beams_of(events, measure)
        for index, event in enumerate(events):
            yield from musicxml.note(
                event,
                heads.get(id(event), []),
                divisions,
                number,
                beams=beams[index],
                brackets=_brackets(events, index),
                fills_measure=fills,
                ids=note_ids(*ids, number, index, event) if ids else (),
            )


def _brackets(events: Sequence[WrittenEvent], index: int) -> list[str]:
    """Where the bracket of a tuplet begins and ends."""
    tuplet = events[index].tuplet
    if tuplet is None:
        return []
    is_first = index == 0 or events[index - 1].tuplet != tuplet
    is_last = index + 1 == len(events) or events[index + 1].tuplet != tuplet
    return ["start"] * is_first + ["stop"] * is_last


class _Keys:
    """The key signatures of a score: (sharps, is minor)."""

    def __init__(self, score: Score) -> None:
        signed = score.key_signatures
        is_minor = signed[0].is_minor if signed else estimate_key(score).is_minor
        self.first = sharps_of(score), is_minor
        self.changes = [(Fraction(key.tick, score.ticks_per_beat), (key.sharps, key.is_minor)) for key in signed[1:]]

    def in_measure(self, measure: Measure) -> tuple[int, bool]:
        """The last key that begins before the end of a measure."""
        return next((key for place, key in reversed(self.changes) if place < measure.end), self.first)


def _tempo_marks(score: Score, measures: Sequence[Measure], divisions: int) -> dict[int, list[str]]:
    """Measure → its tempo marks. Small changes, such as rubato, are played but not printed."""
    changes = list(score.tempos)
    if not changes or changes[0].tick > 0:
        changes.insert(0, TempoChange(0, DEFAULT_TEMPO))
    marks: dict[int, list[str]] = {}
    shown, index = 0.0, 0
    for change in changes:
        place = Fraction(change.tick, score.ticks_per_beat)
        while index < len(measures) and measures[index].end <= place:
            index += 1
        if index == len(measures):
            break
        is_shown = abs(change.tempo - shown) > SHOWN_CHANGE * shown
        shown = change.tempo if is_shown else shown
        offset = round((place - measures[index].start) * divisions)
        marks.setdefault(index, []).append(musicxml.tempo_mark(change.tempo, offset, is_shown=is_shown))
    return marks


def _clef(score: Score, part: Part) -> tuple[str, int, int]:
    if score.tracks[part.track].is_drum:
        return _PERCUSSION_CLEF
    middle = float(np.median(score.notes["pitch"][score.notes["track"] == part.track]))
    return next(clef for lowest, clef in _CLEFS if middle >= lowest)


def sharps_of(score: Score) -> int:
    """Sharps (flats negative) of the first key signature, else of the estimated key."""
    if score.key_signatures:
        return score.key_signatures[0].sharps
    key = estimate_key(score)
    fifths = (key.tonic + (3 if key.is_minor else 0)) * 7 % 12
    return fifths - 12 if fifths > 6 else fifths
