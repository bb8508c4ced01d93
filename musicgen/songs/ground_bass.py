"""Variations over a ground bass, composed by the program."""

from __future__ import annotations

import numpy as np

from musicgen.songs.composing import Harmony, Rhythm, Rows, build_score, compose_melody
from musicgen.symbolic.score import KeySignature, Score, TimeSignature, Track

_NATURAL = (2, 4, 5, 7, 9, 10, 0)
_HARMONIC = (2, 4, 5, 7, 9, 10, 1)
_DORIAN = (2, 4, 5, 7, 9, 11, 0)
_GROUND = (
    Harmony((2, 5, 9), _NATURAL, 50),
    Harmony((9, 1, 4), _HARMONIC, 49),
    Harmony((5, 9, 0), _NATURAL, 48),
    Harmony((7, 11, 2), _DORIAN, 47),
    Harmony((7, 10, 2), _NATURAL, 46),
    Harmony((2, 5, 9), _NATURAL, 45),
    Harmony((7, 10, 2), _NATURAL, 43),
    Harmony((9, 1, 4), _HARMONIC, 45),
)
_Q, _E = 1.0, 0.5
_VARIATIONS: tuple[tuple[Rhythm, ...], ...] = (
    (((3.0, True),),),
    (((2.0, True), (_Q, True)), ((2.0, True), (_Q, False))),
    (((_Q, True), (_Q, False), (_Q, True)),),
    (((1.5, True), (_E, False), (_Q, True)), ((_Q, True), (2.0, True))),
    (((_E, True), (_E, False), (_E, True), (_E, False), (_E, True), (_E, False)),),
    (((_E, True), (_E, False), (_Q, True), (_E, True), (_E, False)), ((2.0, True), (_E, True), (_E, False))),
    (((_E, True), (0.25, False), (0.25, False), (_E, True), (0.25, False), (0.25, False), (_E, True), (_E, False)),),
    (((1.5, True), (_E, False), (_Q, False)), ((2.0, True), (_Q, False))),
)


def ground_bass_variations(seed: int = 0) -> Score:
    """Eight variations in D minor over a chromatic lament bass, 3/4, about two minutes: violins, harpsichord, cello."""
    generator = np.random.default_rng(seed)
    rows: Rows = []
    previous = 74
    for variation, rhythm in enumerate(_VARIATIONS):
        start = 24.0 * variation
        melody = compose_melody(generator, [(3.0, harmony) for harmony in _GROUND], rhythm, previous, low=67, high=88)
        previous = melody[-1][2]
        rows += [(start + onset, length, pitch, 88, 0) for onset, length, pitch in melody]
        if variation in (3, 5, 7):
            rows += [(start + onset, length, _third_below(pitch, onset), 70, 1) for onset, length, pitch in melody]
        rows += [(start + row[0], *row[1:]) for row in _accompaniment(variation)]
    end = 24.0 * len(_VARIATIONS)
    rows += [
        (end, 3.0, pitch, 80, track) for pitch, track in ((74, 0), (65, 1), (57, 2), (62, 2), (65, 2), (50, 3), (38, 3))
    ]
    return build_score(
        rows,
        tracks=(Track("Violin", 40), Track("Second violin", 40), Track("Harpsichord", 6), Track("Cello", 42)),
        tempos=((0.0, 104.0), (end - 6, 92.0), (end - 3, 76.0), (end, 60.0)),
        time=TimeSignature(0, 3, 4),
        key=KeySignature(0, -1, True),
    )


def _third_below(pitch: int, onset: float) -> int:
    scale = _GROUND[int(onset // 3.0) % len(_GROUND)].scale
    below = [lower for lower in range(pitch - 1, pitch - 6, -1) if lower % 12 in scale]
    return below[1]


def _accompaniment(variation: int) -> Rows:
    """Eight bars of cello and harpsichord; the harpsichord plays broken chords from the third variation on."""
    rows: Rows = []
    for bar, harmony in enumerate(_GROUND):
        onset = 3.0 * bar
        rows.append((onset, 2.8, harmony.bass, 84, 3))
        chord = sorted(60 + (pitch_class - 60) % 12 for pitch_class in harmony.chord)
        if variation < 2:
            rows += [(onset, 2.8, pitch, 58, 2) for pitch in chord]
        elif variation < 4:
            rows += [(onset + beat, 0.9, pitch, 58, 2) for beat in (1, 2) for pitch in chord]
        else:
            figure = (*chord, *chord[1:-1], *chord)
            rows += [(onset + 0.5 * place, 0.5, figure[place % len(figure)], 60, 2) for place in range(6)]
    return rows
