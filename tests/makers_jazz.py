"""A jazz tune of two measures, made by hand, whose words were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes

TICKS = 480
PIANO, BASS, DRUMS, SAX = range(4)
Row = tuple[float, float, int]  # onset and length in beats, pitch

MELODY: tuple[Row, ...] = (
    # over C major: its scale here is G major, the highest of C, F and G major that hold all of the chord
    (0.0, 0.5, 76),  # E: chord tone
    (0.5, 0.5, 77),  # F: no scale tone, a semitone over E
    (1.0, 1 / 3, 78),  # F#: in G major
    (4 / 3, 2 / 3, 79),  # G
    (2.0, 1.0, 75),  # E flat: a semitone under E
    # over D minor: G dorian, the highest of C, D and G dorian that hold all of the chord
    (4.0, 1.0, 69),  # A
    (5.0, 0.5, 71),  # B: not in G dorian, and no neighbour of D, F or A
    (5.5, 0.5, 72),  # C: in G dorian
    # over G7, whose third and fifth make it major: C major
    (6.0, 0.25, 74),  # D
    (6.25, 0.75, 76),  # E: in C major
    (7.0, 1.0, 68),  # G sharp: a semitone over G
)
CHORDS: tuple[tuple[float, float, tuple[int, ...]], ...] = (
    (0.0, 4.0, (48, 52, 55)),
    (4.0, 2.0, (50, 53, 57)),
    (6.0, 2.0, (55, 59, 62, 65)),
)
WORDS = (
    "C,0.500 A,0.500,<d4,M-2> S,0.333,<M3,d-3> C,0.667,<d4,M-2> A,1.000,<d1,P-5>",
    "C,1.000 X,0.500,<P4,m-2> S,0.500,<d4,M-2> C,0.250,<P4,m-2> S,0.750,<P4,m-2> A,1.000,<P-4,d-8>",
)
NUM_WORDS = 11  # all different


def tune(repeats: int = 8, *, tempo: float = 96.0, order: Sequence[int] = (PIANO, BASS, DRUMS, SAX)) -> Score:
    """The two measures over and over, with a walking bass and drums. `order`: of the tracks."""
    rows: list[tuple[float, float, int, int, int]] = []
    for start in range(0, 8 * repeats, 8):
        rows += [(start + on, length, pitch, 90, SAX) for on, length, pitch in MELODY]
        rows += [(start + on, length, pitch, 70, PIANO) for on, length, pitches in CHORDS for pitch in pitches]
        rows += [(start + beat, 1.0, 36 + (beat * 5) % 7, 80, BASS) for beat in range(8)]
        rows += [(start + beat, 0.25, 51, 60, DRUMS) for beat in range(8)]
    tracks = (Track("Piano", 0), Track("Bass", 32), Track("Drums", 0, is_drum=True), Track("Sax", 65))
    return _score(rows, tracks, tempo, order)


def one_track(rows: Sequence[tuple[float, float, int]], *, program: int = 0) -> Score:
    """Some notes on one track."""
    return _score([(*row, 80, 0) for row in rows], (Track("Piano", program),), 120.0, (0,))


def _score(
    rows: Sequence[tuple[float, float, int, int, int]], tracks: tuple[Track, ...], tempo: float, order: Sequence[int]
) -> Score:
    onset, length, pitch, velocity, track = (np.array(column) for column in zip(*rows, strict=True))
    places = np.array([list(order).index(int(number)) for number in track])
    ticks = np.rint(onset * TICKS).astype(int), np.rint(length * TICKS).astype(int)
    notes = make_notes(*ticks, pitch, velocity, places)
    return Score(
        notes, TICKS, tuple(tracks[number] for number in order), (TempoChange(0, tempo),), (TimeSignature(0, 4, 4),)
    )
