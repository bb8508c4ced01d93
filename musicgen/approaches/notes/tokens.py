"""Notes and chords as words: 'C#4' a note, '0.4.7' a chord. Rhythm, loudness and a chord's octaves are not kept.

The words are those of music21, which the authors of the note networks used: flats are written '-', and a chord is its
normal order, the pitch classes in their most compact arrangement (Forte, The structure of atonal music, 1973).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes

NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
NUMBERS = {name: number for number, name in enumerate(NAMES)}
TOGETHER_BEATS = 1 / 16  # notes that start and end within a sixty-fourth note of each other are one chord
CHORD_OCTAVE = 60  # chords lie around middle C
PIANO_PROGRAMS = range(6)
TICKS_PER_BEAT = 480
VELOCITY = 80
# 'E-1' and 'B-1' are E flat and B flat of octave 1, so the E and B of octave -1 need other names.
LOWEST = {4: "D##-1", 11: "A##-1"}


def score_to_tokens(
    score: Score, *, tracks: Sequence[int] | None = None, piano_only: bool = False, in_time_order: bool = False
) -> list[str]:
    """The words of a score in one line; arguments as for `score_to_lines`."""
    lines = score_to_lines(score, tracks=tracks, piano_only=piano_only, in_time_order=in_time_order)
    return [word for line in lines for word in line]


def score_to_lines(
    score: Score, *, tracks: Sequence[int] | None = None, piano_only: bool = False, in_time_order: bool = False
) -> list[list[str]]:
    """The words of a score, line by line.

    Args:
        tracks: use only these. Drum tracks are never used: their notes have no pitch.
        piano_only: use only piano tracks (General MIDI programs 1 to 6).
        in_time_order: one line of all tracks together, in order of time; else a line for each track, as in the authors'
            code (which reads one after the other).
    """
    lines = []
    for number in melodic_tracks(score, tracks, piano_only):
        notes = score.notes[score.notes["track"] == number]
        lines.append(_events(notes, score.ticks_per_beat * TOGETHER_BEATS))
    if in_time_order:
        lines = [sorted((event for line in lines for event in line), key=lambda event: event[0])]
    return [[word for _, word in line] for line in lines]


def melodic_tracks(score: Score, tracks: Sequence[int] | None, piano_only: bool = False) -> list[int]:
    """Numbers of the tracks to use: chosen, not drums, with notes."""
    used = np.unique(score.notes["track"]).tolist()
    return [
        number
        for number in used
        if (tracks is None or number in tracks)
        and not score.tracks[number].is_drum
        and (not piano_only or score.tracks[number].program in PIANO_PROGRAMS)
    ]


def _events(notes: NDArray[np.void], tolerance: float) -> list[tuple[int, str]]:
    """(onset, word) of one track. A note joins the first note before it that starts and ends with it."""
    events = []
    onsets, offsets = notes["onset_ticks"], notes["onset_ticks"] + notes["duration_ticks"]
    taken = np.zeros(notes.size, dtype=bool)
    for i in range(notes.size):
        if taken[i]:
            continue
        stop = np.searchsorted(onsets, onsets[i] + tolerance, side="right")
        together = np.arange(i, stop)[~taken[i:stop] & (np.abs(offsets[i:stop] - offsets[i]) <= tolerance)]
        taken[together] = True
        pitches = notes["pitch"][together].tolist()
        events.append((int(onsets[i]), note_word(pitches[0]) if len(pitches) == 1 else chord_word(pitches)))
    return events


def note_word(pitch: int) -> str:
    """'C#4' for 61. Inverse: `word_pitches`."""
    return LOWEST.get(pitch, f"{NAMES[pitch % 12]}{pitch // 12 - 1}")


def chord_word(pitches: Sequence[int]) -> str:
    """'0.4.7' for any C major chord."""
    return ".".join(str(pitch_class) for pitch_class in normal_order(pitches))


def normal_order(pitches: Sequence[int]) -> list[int]:
    """Pitch classes in their most compact order: smallest span, then smallest intervals from the left (Forte)."""
    classes = sorted({pitch % 12 for pitch in pitches})
    rotations = [classes[start:] + classes[:start] for start in range(len(classes))]

    def compactness(order: list[int]) -> tuple[list[int], int]:
        steps = [(pitch_class - order[0]) % 12 for pitch_class in order[1:]]
        return [steps[-1] if steps else 0, *steps], order[0]

    return min(rotations, key=compactness)


def word_pitches(word: str) -> list[int]:
    """MIDI pitches of a word: one for a note, one for each pitch class of a chord, around middle C."""
    if word.replace(".", "").isdigit():
        return [CHORD_OCTAVE + int(pitch_class) for pitch_class in word.split(".")]
    for pitch, name in LOWEST.items():
        if word == name:
            return [pitch]
    for length in (2, 1):
        octave = word[length:]
        if word[:length] in NUMBERS and octave.removeprefix("-").isdigit():
            pitch = NUMBERS[word[:length]] + 12 * (int(octave) + 1)
            if 0 <= pitch <= 127:
                return [pitch]
    raise InvalidInput(sentence("A token is a note such as C#4 or a chord such as 0.4.7", repr(word)))


def tokens_to_score(
    words: Sequence[str],
    *,
    step_beats: float = 1.0,
    note_beats: float = 1.0,
    tempo: float = 120.0,
    program: int = 0,
    metre: tuple[int, int] = (4, 4),
) -> Score:
    """Word k starts at beat k · step_beats; each chord is written once."""
    step, length = round(step_beats * TICKS_PER_BEAT), max(1, round(note_beats * TICKS_PER_BEAT))
    rows = [(number * step, pitch) for number, word in enumerate(words) for pitch in word_pitches(word)]
    onsets, pitches = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [])
    return Score(
        make_notes(onsets, length, pitches, VELOCITY),
        TICKS_PER_BEAT,
        (Track("Notes", program),),
        (TempoChange(0, tempo),),
        (TimeSignature(0, *metre),),
    )


def longest_run(words: Sequence[str]) -> int:
    """The longest run of one word."""
    longest = run = 1 if words else 0
    for before, after in pairwise(words):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    return longest
