"""Words of a jazz grammar → notes: for each word one of the pitches that it allows over the chord at that moment.

Random choices come from a generator that the caller seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.tokens import Token, chord_at
from musicgen.approaches.jazz_lstm.tone_weights import ToneWeights
from musicgen.symbolic.gathering import Event
from musicgen.symbolic.harmony import tones_of

QUARTER = 3  # of a beat, in twelfths
ANY = float("inf")
LOWEST, LOWEST_FIRST = 48, 60  # C3, and C4 for a note that begins a measure: the authors' limits


@dataclass(frozen=True)
class Fitting:
    """How words become pitches.

    Attributes:
        nearness: semitones from the middle of the reach at which a pitch is chosen half as often; 0 takes the nearest,
            infinity any with equal probability, as in the authors' code.
        round_lengths: round each length to a multiple of a quarter beat, up or down at random, as in the authors' code:
            it takes the swing out. A length of 0 becomes a quarter.
        lowest, highest: the range of pitches. home: lowest pitch of the octave for a note without a reach.
        as_written: see harmony.tones_of.
        weights: which pitches suit the harmony. With them, a word means its own kind of tone only, where there is one:
            a scale tone is none of the chord. None, as in the authors' code: all that a word allows are alike.
    """

    nearness: float = ANY
    round_lengths: bool = False
    lowest: int = LOWEST
    highest: int = 108
    home: int = LOWEST_FIRST
    as_written: bool = True
    weights: ToneWeights | None = None


class MelodyPlayer:
    """Plays words over chords, one measure after another."""

    def __init__(self, fitting: Fitting, random: np.random.Generator) -> None:
        self.fitting, self.random = fitting, random
        self.before: int | None = None

    def measure(
        self, tokens: Sequence[Token], chords: Sequence[Event], length: int | None, *, begins: bool = True
    ) -> list[Event]:
        """The notes of a measure, onsets from its barline.

        Args:
            length: of the measure: nothing sounds beyond it. None for no limit, as in the authors' code.
            begins: whether its first note ignores the note before. If near pitches are preferred, it is near that
                note all the same.
        """
        if begins and self.fitting.nearness == ANY:
            self.before = None
        notes: list[Event] = []
        place = 0
        for token in tokens:
            if length is not None and place >= length:
                break
            duration = self._length(token)
            if not token.is_rest:
                pitch = self._pitch(token, chord_at(chords, place))
                stop = place + duration if length is None else min(place + duration, length)
                notes.append(Event(place, stop - place, (pitch,), 0))
                self.before = pitch
            place += duration
        return notes

    def _length(self, token: Token) -> int:
        if not self.fitting.round_lengths or not token.length % QUARTER:
            return token.length
        rounded = token.length // QUARTER * QUARTER + QUARTER * int(self.random.integers(2))
        return max(QUARTER, rounded)

    def _pitch(self, token: Token, chord: Event) -> int:
        tones = tones_of(chord.pitches, as_written=self.fitting.as_written)
        candidates, middle = self._reached(token)
        members = {"C": tones.chord, "S": tones.scale, "A": tones.approach}.get(token.kind)
        fitting = [pitch for pitch in candidates if members is None or pitch % 12 in members]
        if self.fitting.weights is not None:
            fitting = [pitch for pitch in fitting if tones.kind_of(pitch) == token.kind] or fitting
        if len(fitting) > 1 and self.fitting.weights is None:
            fitting = [pitch for pitch in fitting if pitch != self.before]
        if not fitting:  # a step up or down, as the authors did
            return self._inside(round(middle) + int(self.random.choice([-2, 2])))
        return self._inside(self._choose(np.array(fitting), middle, chord))

    def _reached(self, token: Token) -> tuple[Sequence[int], float]:
        """(pitches within reach, their middle)."""
        if token.reach is not None and self.before is not None:
            low, high = sorted(self.before + interval.semitones for interval in token.reach)
            if self.fitting.nearness != ANY and not self.fitting.lowest <= (low + high) / 2 <= self.fitting.highest:
                low, high = 2 * self.before - high, 2 * self.before - low  # the line turns at the end of the range
            return range(low, high + 1), (low + high) / 2
        octave = range(self.fitting.home, self.fitting.home + 12)
        return octave, octave[6] if self.before is None else min(max(self.before, octave[0]), octave[-1])

    def _choose(self, candidates: NDArray[np.int64], middle: float, chord: Event) -> int:
        distance = np.abs(candidates - middle)
        if self.fitting.nearness <= 0:
            return int(candidates[np.argmin(distance)])
        chance = 0.5 ** ((distance - distance.min()) / self.fitting.nearness)
        if self.fitting.weights is not None:
            chance = chance * self.fitting.weights.of(candidates, chord.pitches, self.before)
        return int(self.random.choice(candidates, p=chance / chance.sum()))

    def _inside(self, pitch: int) -> int:
        """The same note in an octave within the range."""
        below = -(-max(0, self.fitting.lowest - pitch) // 12)
        above = -(-max(0, pitch - max(self.fitting.highest, self.fitting.lowest + 11)) // 12)
        return pitch + 12 * (below - above)


def pruned(notes: Sequence[Event]) -> list[Event]:
    """Leaves out the second of two equal neighbours, pair by pair, and all but the first of notes at the same time."""
    kept: list[Event] = []
    for place in range(0, len(notes), 2):
        pair = list(notes[place : place + 2])
        if len(pair) == 2 and pair[0].pitches == pair[1].pitches:
            pair.pop()
        kept += pair
    onsets = set[int]()
    unique = []
    for note in kept:
        if note.onset not in onsets:
            onsets.add(note.onset)
            unique.append(Event(note.onset, max(note.length, QUARTER), note.pitches, note.velocity))
    return unique


def as_chord_tones(tokens: Sequence[Token]) -> list[Token]:
    """Approach tones and others become chord tones, as in the authors' code."""
    return [Token("C" if token.kind in "AX" else token.kind, token.length, token.reach) for token in tokens]
