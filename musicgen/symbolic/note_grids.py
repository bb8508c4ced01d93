"""Turns ticks into positions that can be notated, in exact fractions of a quarter note.

Music that was written comes back unchanged: each quarter note gets the first division that every onset in it
fits to a tick. Music that was played is rounded to the coarsest division that is close enough, and no two notes that
were played apart are merged. Knows no measures, no voices and no note ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Divisions of a quarter note into equal parts, the likeliest first. Written music falls on the common ones.
COMMON = (1, 2, 4, 3, 8, 6, 5, 7, 16, 12, 10)
RARE = (9, 14, 32, 24, 20, 15, 28, 11, 13, 17, 18, 19, 21)
FINE = (64, 48, 40, 30, 36, 56, 60)
SHOWN = {11: 3, 13: 3, 17: 3, 19: 3}  # onsets in a quarter note needed to accept such an unlikely division
EXACT = (*COMMON, *RARE, *FINE)
PLAYED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 48)  # for inexact onsets; the first that is close enough is used
TOLERANCE = 1 / 20  # of a quarter note, for played music
APART = 1 / 24  # of a quarter note: notes further apart were not struck together
UNKNOWN = 96  # the division if written music fits none
WRITTEN = 0.5  # share of the onsets on common divisions, beyond coincidence, that marks a track as written
FEW = 40  # up to this many onsets may lie on rare divisions by coincidence


@dataclass(frozen=True)
class Spans:
    """The notes of one track in ticks; both columns in the order of the notes."""

    onset: NDArray[np.int64]
    end: NDArray[np.int64]
    ticks_per_beat: int

    @property
    def tolerance(self) -> float:
        """Ticks by which an exact position may be off: one, or the same time at a finer resolution; at most 1/192 beat,
        so that no length is off by more than 1/96."""
        return min(max(1.0, self.ticks_per_beat / 400), self.ticks_per_beat / 192)

    @cached_property
    def onsets(self) -> list[int]:
        """Distinct onsets in order."""
        return np.unique(self.onset).tolist()

    @cached_property
    def divisions(self) -> dict[int, int] | None:
        """Quarter note → the division that its onsets fit exactly (no entry: none fits); None for a track that
        was played."""
        if not (self._lie_on(COMMON) or self._lie_on((*COMMON, *RARE))):
            return None
        beats: dict[int, list[int]] = {}
        for tick in self.onsets:
            beat = self.beat_of(tick)
            beats.setdefault(beat, []).append(tick - beat * self.ticks_per_beat)
        found = {beat: self.division(places, EXACT) for beat, places in beats.items()}
        return {beat: division for beat, division in found.items() if division}

    def _lie_on(self, known: tuple[int, ...]) -> bool:
        """Whether more onsets lie on some divisions, or this far from each other, than coincidence explains. With few
        onsets, rare divisions must explain all of them."""
        alone = [self.division([tick % self.ticks_per_beat], known) is not None for tick in self.onsets]
        if known != COMMON and len(self.onsets) < FEW:
            return all(alone)
        chance = _chance(self.ticks_per_beat, self.tolerance, known)
        if chance >= 1:
            return known == COMMON
        apart = [self.division([after - before], known) is not None for before, after in pairwise(self.onsets)]
        shares = float(np.mean(alone)), float(np.mean(apart or [False]))
        return max(shares) >= chance + WRITTEN * (1 - chance)

    @property
    def is_written(self) -> bool:
        """Whether the onsets lie, to a tick, where notes are written."""
        return self.divisions is not None

    def beat_of(self, tick: int) -> int:
        """The quarter note that a tick belongs to: the next one if it is early by less than the tolerance."""
        return int((tick + self.tolerance) // self.ticks_per_beat)

    def fits(self, places: Sequence[int], division: int, near: float = 0) -> bool:
        """Whether all places (ticks after a quarter note) lie on a division."""
        beat = self.ticks_per_beat
        allowed = max(_allowed(beat, self.tolerance, division), near * beat * division)
        return all(min(place * division % beat, -place * division % beat) <= allowed for place in places)

    def division(self, places: Sequence[int], known: Sequence[int], near: float = 0) -> int | None:
        """The first of the known divisions that all positions lie on, or within the tolerance (in quarter notes)."""
        shown = (each for each in known if len(places) >= SHOWN.get(each, 1))
        return next((each for each in shown if self.fits(places, each, near)), None)

    def place(self, tick: int, division: int) -> Fraction:
        """The nearest position of a division."""
        return Fraction(round(Fraction(tick * division, self.ticks_per_beat)), division)


def _allowed(ticks_per_beat: int, tolerance: float, division: int) -> float:
    """How far, in parts of a division, a tick may be off. A division too fine for the
    tolerance must be met exactly."""
    return tolerance * division if tolerance * 3 * division <= ticks_per_beat else 0


@lru_cache
def _chance(ticks_per_beat: int, tolerance: float, known: tuple[int, ...]) -> float:
    """Share of all ticks that lie on one of the divisions."""
    places = np.arange(ticks_per_beat, dtype=np.int64)
    found = np.zeros(ticks_per_beat, dtype=bool)
    for division in known:
        off = places * division % ticks_per_beat
        found |= np.minimum(off, ticks_per_beat - off) <= _allowed(ticks_per_beat, tolerance, division)
    return float(found.mean())


def places_of(spans: Spans) -> dict[int, Fraction]:
    """Tick → place of each onset."""
    return _played_places(spans) if spans.divisions is None else _written_places(spans, spans.divisions)


def _written_places(spans: Spans, divisions: dict[int, int]) -> dict[int, Fraction]:
    """Tick → place of the onsets of a written track. A quarter note that no division fits uses every tick."""
    places = {}
    for tick in spans.onsets:
        beat = spans.beat_of(tick)
        alone = [tick - beat * spans.ticks_per_beat]
        division = (
            divisions.get(beat) or spans.division(alone, EXACT) or spans.division(alone, COMMON, 1 / 96) or UNKNOWN
        )
        places[tick] = spans.place(tick, division)
    return places


def _played_places(spans: Spans) -> dict[int, Fraction]:
    """Tick → place of the onsets of a played track: divisions get finer until notes that were apart stay apart."""
    beat_of = {tick: tick // spans.ticks_per_beat for tick in spans.onsets}
    ticks: dict[int, list[int]] = {}
    for tick, beat in beat_of.items():
        ticks.setdefault(beat, []).append(tick)
    chosen = {beat: _near_enough(spans, found) for beat, found in ticks.items()}
    pairs = [(a, b) for a, b in pairwise(_struck_together(spans))]
    for _ in PLAYED:
        places = {tick: spans.place(tick, PLAYED[chosen[beat]]) for tick, beat in beat_of.items()}
        fallen = [pair for pair in pairs if places[pair[0]] >= places[pair[1]]]
        if not fallen:
            break
        for beat in {beat_of[tick] for pair in fallen for tick in pair}:
            chosen[beat] = _near_enough(spans, ticks[beat], chosen[beat] + 1)
    return places


def _near_enough(spans: Spans, ticks: Sequence[int], first: int = 0) -> int:
    """Index of the coarsest division, from a given one on, that is close to all onsets of a quarter note."""
    places = np.array(ticks) % spans.ticks_per_beat / spans.ticks_per_beat
    for number, division in enumerate(PLAYED):
        if number >= first and np.abs(places - np.rint(places * division) / division).max() <= TOLERANCE:
            return number
    return len(PLAYED) - 1


def _struck_together(spans: Spans) -> list[int]:
    """First onsets of groups that were struck together."""
    firsts: list[int] = []
    for tick in spans.onsets:
        if not firsts or tick - firsts[-1] > APART * spans.ticks_per_beat:
            firsts.append(tick)
    return firsts
