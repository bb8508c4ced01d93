"""Scores to sheet music as MusicXML. Children only: `note_values` does the arithmetic, music21 the engraving rules."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.instruments import instrument_name
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.music21_locked import music21_locked
from musicgen.symbolic.note_values import (
    Event,
    Measure,
    chords_to_voices,
    lay_out_measures,
    score_to_chords,
    voice_in_measure,
)
from musicgen.symbolic.score import DEFAULT_TEMPO, Score, Track

MAX_NOTES = 20_000
_LETTERS = "FCGDAEB"  # along the line of fifths, on which C is 0
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DRUM_LINES = {
    "F4": (35, 36),
    "C5": (37, 38, 39, 40),
    "E5": (47, 48, 50),
    "G5": (42, 44, 46),
    "A5": (49, 51, 53, 57, 59),
}
_DRUM_DISPLAY = {pitch: name for name, pitches in _DRUM_LINES.items() for pitch in pitches}


def score_to_musicxml(score: Score, *, title: str = "") -> bytes:
    """The score as a MusicXML document (UTF-8), one part for each track that has notes.

    Raises InvalidInput for more than 20,000 notes, which would take music21 minutes, and for none.
    """
    if not 0 < score.num_notes <= MAX_NOTES:
        rule = f"Sheet music is made of 1 to {MAX_NOTES:,} notes"
        raise InvalidInput(sentence(rule, f"{score.num_notes:,}", "Download the MIDI file instead."))
    music21 = music21_locked()
    chords = {index: score_to_chords(score, index) for index in sorted(set(score.notes["track"].tolist()))}
    end = max(chord.end for found in chords.values() for chord in found)
    measures = lay_out_measures(score.time_signatures, score.ticks_per_beat, end)
    sheet = music21.stream.Score()
    sheet.insert(0, music21.metadata.Metadata(title=title))
    for index, found in chords.items():
        sheet.insert(0, _part(score, score.tracks[index], chords_to_voices(found), measures))
    _insert_tempos(score, sheet.parts[0])
    exporter = music21.musicxml.m21ToXml.GeneralObjectExporter(sheet)
    exporter.makeNotation = False
    return exporter.parse()


def _part(score: Score, track: Track, voices: list[list[Event]], measures: list[Measure]) -> Any:
    music21 = music21_locked()
    part = music21.stream.Part()
    part.partName = track.name or instrument_name(track.program, track.is_drum)
    part.partAbbreviation = part.partName if len(part.partName) <= 6 else f"{part.partName[:4]}."
    part.insert(0, _instrument(track))
    sharps = sharps_of(score)
    keys = {Fraction(key.tick, score.ticks_per_beat): key.sharps for key in score.key_signatures[1:]}
    signature = None
    for number, measure in enumerate(measures, start=1):
        written = music21.stream.Measure(number=number)
        if (measure.numerator, measure.denominator) != signature:
            signature = measure.numerator, measure.denominator
            written.insert(0, music21.meter.TimeSignature(f"{measure.numerator}/{measure.denominator}"))
        new_sharps = next((keys[place] for place in keys if measure.start <= place < measure.end), sharps)
        if number == 1 or new_sharps != sharps:
            sharps = new_sharps
            written.insert(0, music21.key.KeySignature(sharps))
        _fill(written, [voice_in_measure(voice, measure) for voice in voices], measure, sharps, is_drum=track.is_drum)
        part.append(written)
    _engrave(part, is_drum=track.is_drum)
    return part


def _fill(written: Any, voices: list[list[Event]], measure: Measure, sharps: int, *, is_drum: bool) -> None:
    """Put the voices that sound into a measure; a measure without any gets a rest."""
    music21 = music21_locked()
    sounding = [events for events in voices if events]
    if not sounding:
        rest = music21.note.Rest(quarterLength=measure.length)
        rest.fullMeasure = True
        written.insert(0, rest)
    for number, events in enumerate(sounding, start=1):
        target = written
        if len(sounding) > 1:
            target = music21.stream.Voice(id=str(number))  # readers of MusicXML count voices from 1
            written.insert(0, target)
        for event in events:
            target.insert(event.start - measure.start, _element(event, sharps, is_drum=is_drum))


def _element(event: Event, sharps: int, *, is_drum: bool) -> Any:
    """A rest, note or chord of music21."""
    music21 = music21_locked()
    if not event.pitches:
        return music21.note.Rest(quarterLength=event.length)
    if is_drum:
        displays = sorted({_DRUM_DISPLAY.get(pitch, "B4") for pitch in event.pitches})
        heads = [music21.note.Unpitched(displayName=display) for display in displays]
        element = heads[0] if len(heads) == 1 else music21.percussion.PercussionChord(heads)
    else:
        names = [spell_pitch(pitch, sharps) for pitch in event.pitches]
        pitches = [music21.pitch.Pitch(name=name, octave=octave) for name, octave in names]
        element = music21.note.Note(pitches[0]) if len(pitches) == 1 else music21.chord.Chord(pitches)
    element.quarterLength = event.length
    element.volume.velocity = event.velocity
    if event.tie:
        element.tie = music21.tie.Tie(event.tie)
    return element


def _engrave(part: Any, *, is_drum: bool) -> None:
    """Clef, accidentals, beams and tuplet brackets."""
    music21 = music21_locked()
    clef = music21.clef.PercussionClef() if is_drum else music21.clef.bestClef(part, recurse=True)
    measures = list(part.getElementsByClass("Measure"))
    measures[0].insert(0, clef)
    part.makeAccidentals(inPlace=True)
    for measure in measures:
        measure.makeBeams(inPlace=True)
        for stream in measure.voices or [measure]:
            music21.stream.makeNotation.makeTupletBrackets(stream, inPlace=True)
    measures[-1].rightBarline = "final"


def _instrument(track: Track) -> Any:
    music21 = music21_locked()
    if track.is_drum:
        return music21.instrument.UnpitchedPercussion()
    instrument = music21.instrument.instrumentFromMidiProgram(track.program)
    instrument.midiProgram = track.program
    return instrument


def _insert_tempos(score: Score, part: Any) -> None:
    """Tempo marks in the first part, each on the nearest quarter note."""
    music21 = music21_locked()
    marks = {round(change.tick / score.ticks_per_beat): round(change.tempo) for change in score.tempos}
    measures = list(part.getElementsByClass("Measure"))
    for beat, tempo in (marks or {0: round(DEFAULT_TEMPO)}).items():
        inside = [
            measure
            for measure in measures
            if measure.offset <= beat < measure.offset + measure.barDuration.quarterLength
        ]
        if inside:
            inside[0].insert(beat - inside[0].offset, music21.tempo.MetronomeMark(number=tempo))


def sharps_of(score: Score) -> int:
    """Sharps (flats negative) of the first key signature, else of the estimated key."""
    if score.key_signatures:
        return score.key_signatures[0].sharps
    key = estimate_key(score)
    fifths = (key.tonic + (3 if key.is_minor else 0)) * 7 % 12
    return fifths - 12 if fifths > 6 else fifths


def spell_pitch(pitch: int, sharps: int) -> tuple[str, int]:
    """Name and octave of a pitch in a key of so many sharps (flats negative), music21's way: ('B-', 4) for 70 in F.

    The twelve notes from three fifths below the major tonic to eight above it are used: E-flat to G-sharp in C.
    """
    lowest = sharps - 3
    fifth = lowest + (pitch * 7 - lowest) % 12
    alteration = (fifth + 1) // 7
    letter = _LETTERS[(fifth + 1) % 7]
    octave = (pitch - alteration - _NATURALS[letter]) // 12 - 1
    return f"{letter}{'#' * alteration}{'-' * -alteration}", octave
