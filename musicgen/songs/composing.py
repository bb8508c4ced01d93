"""How the program composes: a plan of chords, anchors on chord tones, and steps of the scale between the anchors.

All randomness comes from a NumPy generator, so the same seed gives the same music. Knows no files and no sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.symbolic.score import KeySignature, Score, TempoChange, TimeSignature, Track, make_notes

TICKS_PER_BEAT = 480
Rows = list[tuple[float, float, int, int, int]]  # onset and duration in beats, pitch, velocity, track
Rhythm = tuple[tuple[float, bool], ...]  # lengths in beats, negative for a rest; True for an anchor, False for a step
Plan = Sequence[tuple[float, "Harmony"]]  # beats, and what sounds in them


@dataclass(frozen=True)
class Harmony:
    """A chord and the scale that goes with it, as pitch classes (root first)."""

    chord: tuple[int, ...]
    scale: tuple[int, ...]
    bass: int


def build_score(
    rows: Rows,
    *,
    tracks: tuple[Track, ...],
    tempos: Sequence[tuple[float, float]],
    time: TimeSignature,
    key: KeySignature,
) -> Score:
    """Rows in beats to a Score. `tempos`: (beat, BPM)."""
    onset, duration, pitch, velocity, track = (np.array(column) for column in zip(*rows, strict=True))
    ticks = np.rint(onset * TICKS_PER_BEAT)
    ends = np.rint((onset + duration) * TICKS_PER_BEAT)
    return Score(
        make_notes(ticks, np.maximum(ends - ticks, 1), pitch, velocity, track),
        TICKS_PER_BEAT,
        tracks,
        tuple(TempoChange(round(beat * TICKS_PER_BEAT), tempo) for beat, tempo in tempos),
        (time,),
        (key,),
    )


def compose_melody(
    generator: np.random.Generator,
    plan: Plan,
    rhythms: Sequence[Rhythm],
    previous: int,
    *,
    low: int,
    high: int,
) -> list[tuple[float, float, int]]:
    """(onset, length, pitch) over a plan; each of its harmonies uses the next of `rhythms`."""
    slots: list[tuple[float, float, Harmony, bool]] = []
    beat = 0.0
    for index, (beats, harmony) in enumerate(plan):
        onset = beat
        for length, is_anchor in rhythms[index % len(rhythms)]:
            if length > 0 and onset < beat + beats:
                slots.append((onset, min(length, beat + beats - onset), harmony, is_anchor))
            onset += abs(length)
        beat += beats
    anchors = [index for index, slot in enumerate(slots) if slot[3]]
    pitches = np.zeros(len(slots), int)
    for index in anchors:
        previous = pitches[index] = _anchor(generator, slots[index][2], previous, low, high)
    for index, following in zip(anchors, [*anchors[1:], anchors[-1]], strict=True):
        stop = following if following > index else len(slots)
        for place in range(index + 1, stop):
            share = (place - index) / (stop - index)
            wanted = pitches[index] + share * (pitches[following] - pitches[index])
            neighbours = {int(pitches[place - 1]), *([int(pitches[following])] if place == following - 1 else [])}
            pitches[place] = _step(slots[place][2].scale, wanted, neighbours, rising=bool(generator.random() < 0.5))
    return [(onset, length, int(pitch)) for (onset, length, _, _), pitch in zip(slots, pitches, strict=True)]


def _anchor(generator: np.random.Generator, harmony: Harmony, previous: int, low: int, high: int) -> int:
    """A chord tone near the previous anchor: steps are likelier than leaps, staying is unlikely."""
    found = [pitch for pitch in range(low, high + 1) if pitch % 12 in harmony.chord and abs(pitch - previous) <= 12]
    distance = np.abs(np.array(found) - previous)
    weights = np.exp(-distance / 2.5) * np.where(distance == 0, 0.3, 1.0)
    centre = (low + high) / 2
    weights *= np.exp(-np.abs(np.array(found) - centre) / 12.0)  # pulls back to the middle of the range
    return int(generator.choice(found, p=weights / weights.sum()))


def _step(scale: tuple[int, ...], wanted: float, neighbours: set[int], *, rising: bool) -> int:
    """The scale tone nearest to `wanted` that differs from both neighbours."""
    around = range(int(wanted) - 6, int(wanted) + 8)
    near = [pitch for pitch in around if pitch % 12 in scale and pitch not in neighbours]
    return min(near, key=lambda pitch: (abs(pitch - wanted), pitch if rising else -pitch))
