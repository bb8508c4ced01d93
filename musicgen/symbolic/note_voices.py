"""Splits music into voices: notes become chords, and overlapping chords are distributed over voices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.note_ends import exact_spans
from musicgen.symbolic.note_grids import Spans
from musicgen.symbolic.note_values import WrittenEvent
from musicgen.symbolic.score import Score

MAX_VOICES = 4  # on one staff, if the music was played and not written
MAX_WRITTEN_VOICES = 64  # of written music: no more than this sounds at once


def score_to_voices(score: Score, track: int) -> list[list[WrittenEvent]]:
    """The chords of one track, distributed over voices: as many as needed if the music was written, else four."""
    notes = score.notes[score.notes["track"] == track]
    spans = _spans(notes, score.ticks_per_beat)
    return chords_to_voices(_chords(notes, spans), MAX_WRITTEN_VOICES if spans.is_written else MAX_VOICES)


def score_to_chords(score: Score, track: int) -> list[WrittenEvent]:
    """The chords of one track in order: notes that begin and end together. If a pitch is struck twice at once,
    each note is in its own chord."""
    notes = score.notes[score.notes["track"] == track]
    return _chords(notes, _spans(notes, score.ticks_per_beat))


def note_places(score: Score, track: int) -> list[tuple[Fraction, Fraction]]:
    """Where each note of a track is written, in the order of the notes: (start, end) in quarter notes."""
    return exact_spans(_spans(score.notes[score.notes["track"] == track], score.ticks_per_beat))


def _spans(notes: NDArray[np.void], ticks_per_beat: int) -> Spans:
    return Spans(notes["onset_ticks"], notes["onset_ticks"] + notes["duration_ticks"], ticks_per_beat)


def _chords(notes: NDArray[np.void], spans: Spans) -> list[WrittenEvent]:
    chords: dict[tuple[Fraction, Fraction, int], dict[int, int]] = {}
    struck: Counter[tuple[Fraction, Fraction, int]] = Counter()
    for place, pitch, velocity in zip(
        exact_spans(spans), notes["pitch"].tolist(), notes["velocity"].tolist(), strict=True
    ):
        chords.setdefault((*place, struck[*place, pitch]), {})[pitch] = velocity
        struck[*place, pitch] += 1
    return sorted(
        WrittenEvent(start, end, tuple(sorted(found)), tuple(found[pitch] for pitch in sorted(found)))
        for (start, end, _), found in chords.items()
    )


def chords_to_voices(chords: Sequence[WrittenEvent], most: int = MAX_WRITTEN_VOICES) -> list[list[WrittenEvent]]:
    """Distributes overlapping chords over voices; a chord that would mix two divisions of a beat goes to another voice.

    Args:
        most: the maximum number of voices; one more cuts short the chord that would end first.
    """
    voices: list[list[WrittenEvent]] = []
    for chord in chords:
        free = [voice for voice in voices if voice[-1].end <= chord.start]
        fitting = next((voice for voice in free if _is_simple_together(voice, chord)), None)
        if fitting is not None:
            fitting.append(chord)
        elif len(voices) < MAX_VOICES or (len(voices) < most and not free):
            voices.append([chord])
        elif free:
            free[0].append(chord)
        else:
            _cut_short(min(voices, key=lambda events: events[-1].end), chord)
    return voices


def _is_simple_together(voice: Sequence[WrittenEvent], chord: WrittenEvent) -> bool:
    """Whether a chord divides the beat in which it begins like the voice before it, or more finely."""
    beat = chord.start // 1
    if chord.start == beat:
        return True
    before = 1
    for event in reversed(voice):
        if event.end <= beat:
            break
        before = lcm(before, *(place.denominator for place in (event.start, event.end) if place // 1 == beat))
    own = lcm(chord.start.denominator, chord.end.denominator if chord.end < beat + 1 else 1)
    return lcm(before, own) <= 2 * max(before, own)


def _cut_short(voice: list[WrittenEvent], chord: WrittenEvent) -> None:
    """Put a chord into a voice that is still sounding."""
    last = voice.pop()
    if last.start < chord.start:
        voice += [replace(last, end=chord.start), chord]
        return
    loud = dict(zip(last.pitches, last.velocities, strict=False)) | dict(
        zip(chord.pitches, chord.velocities, strict=False)
    )
    pitches = tuple(sorted({*last.pitches, *chord.pitches}))
    voice.append(replace(last, pitches=pitches, velocities=tuple(loud[pitch] for pitch in pitches if pitch in loud)))
