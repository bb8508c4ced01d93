"""From ticks to places that can be written down, in exact fractions of a quarter note.

Music that was written comes back as it was: each quarter note is divided by the first division that every onset in it
fits to a tick, and an end lies where its tick lies. Music that was played is rounded to the coarsest division that is
near enough, and no two notes that were played apart fall together. Knows no measures and no voices.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Divisions of a quarter note into equal parts, the likeliest first. What is written falls on the common ones.
COMMON = (1, 2, 4, 3, 8, 6, 5, 7, 16, 12, 10)
RARE = (9, 14, 32, 24, 20, 15, 28, 11, 13, 17, 18, 19, 21)
FINE = (64, 48, 40, 30, 36, 56, 60)
SHOWN = {11: 3, 13: 3, 17: 3, 19: 3}  # so many onsets in a quarter note show a division that nobody would guess
EXACT = (*COMMON, *RARE, *FINE)
PLAYED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 48)  # for what is not exact; the first that is near enough
PLAIN_ENDS = (1, 2, 4, 8, 3, 6)  # where notes end without another one that shows the division
TOLERANCE = 1 / 20  # of a quarter note, for what was played
APART = 1 / 24  # of a quarter note: notes farther apart were not struck together
UNKNOWN = 96  # the division where written music fits none
WRITTEN = (
    0.5  # share of the onsets on common divisions, beyond what chance puts there, that makes a written track of it
)
FEW = 40  # onsets that lie on rare divisions by chance
MANY = 0.25  # share of the ends off the common divisions from which on the ends were not written
SEVERAL = 6  # ends off the common divisions that can have a manner in common
ALIKE = 0.7  # share of those that are short by the same amount or part: how a program plays, not what was written


@dataclass(frozen=True)
class Spans:
    """The notes of one track in ticks; both columns in the order of the notes."""

    onset: NDArray[np.int64]
    end: NDArray[np.int64]
    ticks_per_beat: int

    @property
    def tolerance(self) -> float:
        """Ticks by which an exact place may be off: one, or what a finer clock makes of one; below 1/96 beat."""
        return min(max(1.0, self.ticks_per_beat / 400), self.ticks_per_beat / 96)

    @cached_property
    def onsets(self) -> list[int]:
        """Distinct onsets in order."""
        return np.unique(self.onset).tolist()

    @cached_property
    def divisions(self) -> dict[int, int] | None:
        """Quarter note → the division that its onsets fit exactly (without an entry: none does); None for a track that
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
        """Whether more onsets lie on some divisions, or are so far from each other, than chance would have it. Of few
        onsets, rare divisions have to explain all."""
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
        """Whether the onsets lie where notes are written, to a tick."""
        return self.divisions is not None

    def beat_of(self, tick: int) -> int:
        """The quarter note that a tick belongs to: the next one where it is early by less than the tolerance."""
        return int((tick + self.tolerance) // self.ticks_per_beat)

    def fits(self, places: Sequence[int], division: int, near: float = 0) -> bool:
        """Whether all places (ticks after a quarter note) lie on a division."""
        beat = self.ticks_per_beat
        allowed = max(_allowed(beat, self.tolerance, division), near * beat * division)
        return all(min(place * division % beat, -place * division % beat) <= allowed for place in places)

    def division(self, places: Sequence[int], known: Sequence[int], near: float = 0) -> int | None:
        """The first of the known divisions that all places lie on, or are so near to (in quarter notes)."""
        shown = (each for each in known if len(places) >= SHOWN.get(each, 1))
        return next((each for each in shown if self.fits(places, each, near)), None)

    def place(self, tick: int, division: int) -> Fraction:
        """The nearest place of a division."""
        return Fraction(round(Fraction(tick * division, self.ticks_per_beat)), division)


def _allowed(ticks_per_beat: int, tolerance: float, division: int) -> float:
    """How far, in parts of a division, a tick may be off. A division that is too fine to tell its places apart by the
    tolerance has to be met exactly."""
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


def exact_spans(spans: Spans) -> list[tuple[Fraction, Fraction]]:
    """(start, end) of each note, where it can be written; the end is behind the start."""
    divisions = spans.divisions
    places = _played_places(spans) if divisions is None else _written_places(spans, divisions)
    ends = _Ends(spans, places, divisions or {})
    starts = [places[tick] for tick in spans.onset.tolist()]
    found = ends.written() if spans.is_written else [None] * len(starts)
    rows = zip(spans.onset.tolist(), spans.end.tolist(), starts, found, strict=True)
    return [(start, end if end is not None and end > start else ends.rounded(on, off)) for on, off, start, end in rows]


def _written_places(spans: Spans, divisions: dict[int, int]) -> dict[int, Fraction]:
    """Tick → place of the onsets of a written track. A quarter note that no division fits has a place for each tick."""
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
    """Tick → place of the onsets of a played track: divisions get finer until what was apart is apart."""
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
    """Number of the coarsest division, from one of them on, that is near to all onsets of a quarter note."""
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


class _Ends:
    """Where the notes of a track end."""

    def __init__(self, spans: Spans, places: dict[int, Fraction], divisions: dict[int, int]) -> None:
        self.spans, self.places, self.divisions = spans, places, divisions
        shown = {place.denominator for place in places.values()}
        finest = max((each for each in shown if each.bit_count() == 1), default=1)
        self.plain = (*PLAIN_ENDS, *(each for each in (16, 32, 64) if each <= finest), *((12,) if 12 in shown else ()))

    def written(self) -> list[Fraction | None]:
        """The exact end of each note; None where there is none, or where it is how a program plays its notes."""
        ends = self.spans.end.tolist()
        found = [
            self._plain(tick) or self._after(on, tick) for on, tick in zip(self.spans.onset.tolist(), ends, strict=True)
        ]
        off = [number for number, place in enumerate(found) if place is None]
        odd = {number: self._odd(ends[number]) for number in off}
        is_played = len([place for place in odd.values() if place is None]) > MANY * len(ends)
        if not is_played and not (len(off) > MANY * len(ends) and self._is_manner(off)):
            for number, place in odd.items():
                found[number] = place
        return found

    def rounded(self, onset: int, end: int) -> Fraction:
        """An end that is not exact: the next onset where it is near, else a half or a whole beat, or a step of the
        division where it ends in the beat in which it begins; behind the start."""
        start, beat = self.places[onset], self.spans.ticks_per_beat
        next_tick = self._next_onset(onset)
        if next_tick is not None and abs(next_tick - end) <= max(beat / 8, (next_tick - onset) / 4):
            following = self.places[next_tick]
            if following > start and next_tick - end <= beat / 4:
                return following
        division = max(self.divisions.get(start // 1, 0), start.denominator, 2)
        if Fraction(end, beat) > start // 1 + 1:
            division = 1 if division % 3 == 0 else min(division, 2)
        place = self.spans.place(end, division)
        return place if place > start else start + Fraction(1, max(division, start.denominator))

    def _plain(self, tick: int) -> Fraction | None:
        """On an onset of the track, on the division of its beat, or on a common one."""
        spans = self.spans
        at = bisect_right(spans.onsets, tick + spans.tolerance) - 1
        if at >= 0 and tick - spans.onsets[at] <= spans.tolerance:
            return self.places[spans.onsets[at]]
        beat = spans.beat_of(tick)
        own = self.divisions.get(beat)
        return self._on(tick, (own, *self.plain) if own else self.plain)

    def _after(self, onset: int, end: int) -> Fraction | None:
        """A common length behind an onset that lies on no common place."""
        start = self.places[onset]
        if start.denominator <= max(self.plain):
            return None
        division = self.spans.division([end - onset], self.plain)
        return start + self.spans.place(end - onset, division) if division else None

    def _odd(self, tick: int) -> Fraction | None:
        return self._on(tick, EXACT)

    def _on(self, tick: int, divisions: Sequence[int]) -> Fraction | None:
        spans = self.spans
        place = [tick - spans.beat_of(tick) * spans.ticks_per_beat]
        division = spans.division(place, divisions)
        return spans.place(tick, division) if division else None

    def _next_onset(self, onset: int) -> int | None:
        at = bisect_right(self.spans.onsets, onset)
        return self.spans.onsets[at] if at < len(self.spans.onsets) else None

    def _is_manner(self, numbers: Sequence[int]) -> bool:
        """Whether most of these notes are short by one part or by one amount of what they could be."""
        if len(numbers) < SEVERAL:
            return False
        beat = self.spans.ticks_per_beat
        parts, amounts = [], []
        for number in numbers:
            onset, end = int(self.spans.onset[number]), int(self.spans.end[number])
            whole = self._meant(onset, end)
            parts.append((end - onset) / max(whole, 1))
            amounts.append((whole - end + onset) / beat)
        return any(
            np.mean(np.abs(np.array(found) - np.median(found)) <= near) >= ALIKE
            for found, near in ((parts, 0.03), (amounts, 0.02))
        )

    def _meant(self, onset: int, end: int) -> int:
        """Ticks up to the next onset, where the note ends shortly before it; else up to the next half beat."""
        half = max(self.spans.ticks_per_beat // 2, 1)
        following = self._next_onset(onset)
        if following is not None and end <= following and 2 * (end - onset) >= following - onset:
            return following - onset
        return -(-(end - onset) // half) * half
