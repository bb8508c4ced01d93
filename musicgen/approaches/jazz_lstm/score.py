"""Melody and chords as a score: two instruments, both audible, at one tempo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from musicgen.approaches.jazz_lstm.codec import Form, JazzVoice, Row
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes

TICKS_PER_BEAT = 480
MIN_CHORD = 3  # twelfths of a beat
MELODY = 0  # its track; the others accompany
NO_TRACK = -1  # where the melody has no note, its track is left out of the file
QUIETEST = 48  # velocity: keeps both melody and chords audible


def jazz_score(
    form: Form, melody: Sequence[Event], sets: Sequence[int], *, tempo: float, with_others: bool = False
) -> Score:
    """The score of a piece.

    Args:
        melody: its notes; onsets in twelfths of a beat from the start.
        sets: for each measure of the piece, the number of the form's measure whose chords sound.
        with_others: whether the other tracks of the song play too.
    """
    voices = [
        JazzVoice(form.melody.name, form.melody.program, notes=tuple(_accented(melody, form.accents))),
        JazzVoice(form.harmony.name, form.harmony.program, notes=tuple(_struck_again(_chord_rows(form, sets)))),
    ]
    if with_others:
        voices += [_repeated(voice, form, sets) for voice in form.others]
    rows = [(*row, number) for number, voice in enumerate(voices) for row in voice.notes]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    ticks = TICKS_PER_BEAT // STEPS
    return Score(
        make_notes(columns[0] * ticks, columns[1] * ticks, columns[2], columns[3], columns[4]),
        TICKS_PER_BEAT,
        tuple(Track(voice.name, voice.program, voice.is_drum) for voice in voices),
        (TempoChange(0, tempo),),
        (TimeSignature(0, form.numerator, form.denominator),),
    )


def _accented(melody: Iterable[Event], accents: Sequence[int]) -> Iterable[Row]:
    """As loud as the melody of the song is at that place in the beat."""
    for note in melody:
        yield note.onset, note.length, note.pitches[0], max(accents[note.onset % STEPS], QUIETEST)


def _chord_rows(form: Form, sets: Sequence[int]) -> Iterable[Row]:
    """The chords of each measure; a chord held from the measure before is not struck again."""
    end = len(sets) * form.measure
    for place, number in enumerate(sets):
        for chord in form.chords[number]:
            onset = place * form.measure + chord.onset
            if 0 <= chord.onset < form.measure or (place == 0 and chord.onset < 0):
                onset = max(onset, 0)
                length = min(max(chord.length, MIN_CHORD), end - onset)
                for pitch in dict.fromkeys(chord.pitches):
                    yield onset, length, pitch, max(chord.velocity, QUIETEST)


def _struck_again(rows: Iterable[Row]) -> Iterable[Row]:
    """If a note is struck again while it sounds, the first one ends there."""
    waiting: dict[int, Row] = {}
    for onset, length, pitch, velocity in sorted(rows):
        if pitch in waiting:
            begun, sounding, _, loud = waiting[pitch]
            if begun == onset:
                waiting[pitch] = onset, max(sounding, length), pitch, max(loud, velocity)
                continue
            yield begun, min(sounding, onset - begun), pitch, loud
        waiting[pitch] = onset, length, pitch, velocity
    yield from waiting.values()


def _repeated(voice: JazzVoice, form: Form, sets: Sequence[int]) -> JazzVoice:
    """Another track, measure by measure, cut at the end."""
    by_measure: dict[int, list[Row]] = {}
    for row in voice.notes:
        by_measure.setdefault(row[0] // form.measure, []).append(row)
    end = len(sets) * form.measure
    rows = [
        (place * form.measure + onset % form.measure, length, pitch, velocity)
        for place, number in enumerate(sets)
        for onset, length, pitch, velocity in by_measure.get(number, [])
    ]
    cut = ((onset, min(length, end - onset), pitch, velocity) for onset, length, pitch, velocity in rows)
    return JazzVoice(voice.name, voice.program, voice.is_drum, tuple(_struck_again(cut)))
