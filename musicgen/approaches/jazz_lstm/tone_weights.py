"""Which of the pitches that a word allows suits the harmony best, as the songs' melodies show.

Three things are counted in them: the interval from each tone of the chord up to the melody; by how much the melody
moves; and how often it has each pitch class, which says what key it is in. Their product weighs the pitches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.parts import Parts
from musicgen.approaches.jazz_lstm.tokens import chord_at

UNSEEN = 1.0  # counted on top for each interval over a chord and each move
RARE = 0.5  # counted on top for each pitch class
WIDEST = 12  # semitones of a move; wider ones count as that

Shares = tuple[float, ...]


@dataclass(frozen=True)
class ToneWeights:
    """See the module.

    Attributes:
        intervals: share of each interval above a chord tone, in semitones 0 … 11. moves: share of each move of the
            melody, from WIDEST semitones down to WIDEST up. classes: share of each pitch class.
        strength: 1 as counted; more keeps closer to what is frequent.
    """

    intervals: Shares
    moves: Shares
    classes: Shares
    strength: float = 1.0

    def of(self, pitches: NDArray[np.int64], chord: Sequence[int], before: int | None) -> NDArray[np.float64]:
        """A weight for each of the pitches, over the pitches of a chord and after the pitch before."""
        tones = np.unique(np.array(chord) % 12)
        intervals = np.array(self.intervals)[(pitches[:, None] - tones) % 12]
        weight = np.exp(np.log(intervals).mean(axis=1)) * np.array(self.classes)[pitches % 12]
        if before is not None:
            weight = weight * np.array(self.moves)[_move(pitches - before)]
        found: NDArray[np.float64] = weight**self.strength
        return found


def move_shares(picked: Sequence[Parts]) -> Shares:
    """Of all songs: how often a melody moves by so many semitones, see ToneWeights.moves."""
    counts = np.full(2 * WIDEST + 1, UNSEEN)
    for parts in picked:
        pitches = np.array([event.pitches[0] for events in parts.line for event in events if event.pitches], np.int64)
        np.add.at(counts, _move(np.diff(pitches)), 1)
    return _shares(counts)


def _move(semitones: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(semitones, -WIDEST, WIDEST) + WIDEST


def interval_shares(picked: Sequence[Parts]) -> Shares:
    """Of all songs: how often a note of the melody is how far above a tone of the chord under it."""
    counts = np.full(12, UNSEEN)
    for parts in picked:
        for events, harmony in zip(parts.line, parts.harmony, strict=True):
            for event in events:
                if event.pitches:
                    tones = np.unique(np.array(chord_at(harmony, event.onset).pitches) % 12)
                    counts[(event.pitches[0] - tones) % 12] += 1 / tones.size
    return _shares(counts)


def class_shares(pitches: Sequence[int]) -> Shares:
    """How often a melody has each pitch class."""
    counts = np.bincount(np.array(pitches, dtype=np.int64) % 12, minlength=12)
    return _shares(counts.astype(np.float64) + RARE)


def _shares(counts: NDArray[np.float64]) -> Shares:
    return tuple(round(float(share), 6) for share in counts / counts.sum())
