"""A jazz tune with melody, chords, walking bass and drums, composed by the program."""

from __future__ import annotations

import numpy as np

from musicgen.songs.composing import Harmony, Plan, Rows, build_score, compose_melody
from musicgen.symbolic.score import KeySignature, Score, TimeSignature, Track

_Q, _E = 1.0, 0.5
_MAJOR = (0, 2, 4, 5, 7, 9, 11)


def _chord(root: int, quality: str) -> Harmony:
    """Root and quality to third, fifth, seventh (sixth), and the scale that players use over it."""
    intervals, scale = {
        "6": ((0, 4, 7, 9), _MAJOR),
        "maj7": ((0, 4, 7, 11), (0, 2, 4, 6, 7, 9, 11)),
        "m7": ((0, 3, 7, 10), (0, 2, 3, 5, 7, 9, 10)),
        "7": ((0, 4, 7, 10), (0, 2, 4, 5, 7, 9, 10)),
        "7b9": ((0, 4, 7, 10), (0, 1, 4, 5, 7, 8, 10)),
    }[quality]
    transposed = [tuple((root + step) % 12 for step in steps) for steps in (intervals, scale)]
    return Harmony(transposed[0], transposed[1], 36 + (root - 36) % 12)


_PART_A = (
    *((4.0, _chord(0, "6")), (4.0, _chord(9, "m7")), (4.0, _chord(2, "m7")), (4.0, _chord(7, "7"))),
    *(
        (4.0, _chord(4, "m7")),
        (4.0, _chord(9, "7b9")),
        (2.0, _chord(2, "m7")),
        (2.0, _chord(7, "7")),
        (4.0, _chord(0, "6")),
    ),
)
_BRIDGE = (
    *((4.0, _chord(5, "maj7")), (2.0, _chord(5, "m7")), (2.0, _chord(10, "7")), (4.0, _chord(0, "maj7"))),
    *((4.0, _chord(9, "7b9")), (8.0, _chord(2, "7")), (4.0, _chord(2, "m7")), (4.0, _chord(7, "7"))),
)
_PHRASE_A = (
    ((_Q, True), (_E, False), (_E, True), (-_E, True), (_E, True), (_Q, True)),
    ((1.5, True), (_E, False), (_Q, True), (-_Q, True)),
    ((_E, True), (_E, False), (_E, True), (_E, False), (_Q, True), (_E, False), (_E, True)),
    ((2.0, True), (-_Q, True), (_E, False), (_E, True)),
)
_PHRASE_B = (
    ((-_E, True), (_E, True), (_E, True), (_E, False), (1.5, True), (_E, False)),
    ((_E, True), (_E, False), (_Q, True)),
    ((1.5, True), (_E, True)),
    ((2.0, True), (-_E, True), (_E, False), (_E, True), (_E, False)),
)
_COMPS = (((0.0, 1.4), (1.5, 0.4)), ((0.5, 0.4), (2.5, 1.0)), ((0.0, 1.8), (2.5, 0.4), (3.5, 0.4)))


def jazz_tune(seed: int = 0) -> Score:
    """A 32-bar tune (AABA) in C with swung eighths, about a minute: saxophone, piano chords, walking bass, drums."""
    generator = np.random.default_rng(seed)
    part_a = compose_melody(generator, _PART_A, _PHRASE_A, 72, low=60, high=81)
    last_a = compose_melody(generator, _PART_A, _PHRASE_A, 72, low=60, high=81)
    bridge = compose_melody(generator, _BRIDGE, _PHRASE_B, 76, low=64, high=86)
    opening = [note for note in part_a if note[0] < 24.0]
    ending = [note for note in last_a if note[0] >= 24.0]
    rows: Rows = []
    for place, melody in enumerate((part_a, opening + ending, bridge, part_a)):
        rows += _swung_rows(melody, 32.0 * place)
    plan = [*_PART_A, *_PART_A, *_BRIDGE, *_PART_A]
    rows += _comping(generator, plan) + _walking_bass(generator, plan) + _ride_pattern(generator, 32)
    rows += [(128.0, 4.0, pitch, 78, track) for pitch, track in ((72, 0), (52, 1), (57, 1), (62, 1), (36, 2))]
    return build_score(
        rows,
        tracks=(Track("Melody", 66), Track("Chords", 0), Track("Bass", 32), Track("Drums", 32, is_drum=True)),
        tempos=((0.0, 138.0), (124.0, 112.0), (128.0, 80.0)),
        time=TimeSignature(0, 4, 4),
        key=KeySignature(0, 0),
    )


def _swung(onset: float) -> float:
    """Swing: the second eighth of each beat falls at two thirds of the beat."""
    beat = int(onset)
    return beat + 2 / 3 if abs(onset - beat - 0.5) < 1e-9 else onset


def _swung_rows(melody: list[tuple[float, float, int]], start: float) -> Rows:
    return [
        (start + _swung(onset), _swung(onset + length) - _swung(onset), pitch, 96, 0) for onset, length, pitch in melody
    ]


def _comping(generator: np.random.Generator, plan: Plan) -> Rows:
    """Rootless chords around middle C, in one of three rhythms."""
    rows: Rows = []
    beat = 0.0
    for beats, harmony in plan:
        ninth = (harmony.chord[0] + 2) % 12
        pitches = sorted(52 + (pitch_class - 52) % 12 for pitch_class in (*harmony.chord[1:], ninth))
        for bar in range(int(max(beats // 4, 1))):
            hits = ((0.0, 1.3), (1.5, 0.4)) if beats < 4 else _COMPS[int(generator.integers(len(_COMPS)))]
            for onset, length in hits:
                velocity = int(generator.integers(58, 72))
                rows += [(_swung(beat + 4 * bar + onset), length, pitch, velocity, 1) for pitch in pitches]
        beat += beats
    return rows


def _walking_bass(generator: np.random.Generator, plan: Plan) -> Rows:
    """One note a beat: the root, chord tones, and finally a semitone step to the next root."""
    rows: Rows = []
    beat = 0.0
    for index, (beats, harmony) in enumerate(plan):
        following = plan[(index + 1) % len(plan)][1].bass
        pitch = harmony.bass
        for step in range(int(beats)):
            if step == beats - 1:
                pitch = following + int(generator.choice((-1, 1)))
            elif step:
                tones = [tone for tone in range(33, 56) if tone % 12 in harmony.chord and 0 < abs(tone - pitch) <= 7]
                pitch = int(generator.choice(tones))
            rows.append((beat + step, 0.92, pitch, int(generator.integers(84, 96)), 2))
        beat += beats
    return rows


def _ride_pattern(generator: np.random.Generator, num_bars: int) -> Rows:
    """Ride cymbal (51), hi-hat on two and four (44), soft bass drum (36), an occasional snare (38)."""
    rows: Rows = []
    for beat in range(4 * num_bars):
        rows.append((beat, 0.3, 51, 84 if beat % 2 else 74, 3))
        rows.append((beat, 0.2, 36, 44, 3))
        if beat % 2:
            rows += [(beat + 2 / 3, 0.2, 51, 62, 3), (beat, 0.2, 44, 70, 3)]
        if generator.random() < 0.18:
            rows.append((beat + 2 / 3, 0.2, 38, int(generator.integers(40, 66)), 3))
    return rows
