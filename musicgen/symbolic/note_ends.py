"""Where notes end in notation: exactly at their ticks, if they were written that way.

Programs shorten notes a little, and people end them anywhere: such ends are rounded, to the next onset if
that is near.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from musicgen.symbolic.note_grids import EXACT, Spans, places_of

PLAIN_ENDS = (1, 2, 4, 8, 3, 6)  # where notes may end if no onset shows the division
MANY = 0.25  # if more than this share of the ends is off the common divisions, the ends were not written
SEVERAL = 6  # ends off the common divisions needed to recognise a common manner
ALIKE = 0.7  # if this share of them is shortened by the same amount or ratio, a program played them that way


def exact_spans(spans: Spans) -> list[tuple[Fraction, Fraction]]:
    """(start, end) of each note as it can be written; the end is after the start."""
    places = places_of(spans)
    ends = _Ends(spans, places, spans.divisions or {})
    starts = [places[tick] for tick in spans.onset.tolist()]
    found = ends.written() if spans.is_written else [None] * len(starts)
    rows = zip(spans.onset.tolist(), spans.end.tolist(), starts, found, strict=True)
    return [(start, end if end is not None and end > start else ends.rounded(on, off)) for on, off, start, end in rows]


class _Ends:
    """Where the notes of a track end."""

    def __init__(self, spans: Spans, places: dict[int, Fraction], divisions: dict[int, int]) -> None:
        self.spans, self.places, self.divisions = spans, places, divisions
        shown = {place.denominator for place in places.values()}
        finest = max((each for each in shown if each.bit_count() == 1), default=1)
        others = (each for each in EXACT if each in shown or (each.bit_count() == 1 and each <= finest))
        self.plain = tuple(dict.fromkeys((*PLAIN_ENDS, *others)))

    def written(self) -> list[Fraction | None]:
        """The exact end of each note; None if there is none, or if it only shows how a program plays its notes."""
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
        """An end that is not exact: the next onset if that is near, else a half or whole beat, or a step of the
        division if it ends in the beat in which it begins; always after the start."""
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
        """A common length after an onset at an uncommon position."""
        start = self.places[onset]
        if start.denominator in self.plain:
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
        """Whether most of these notes are shortened by the same ratio or the same amount."""
        if len(numbers) < SEVERAL:
            return False
        beat = self.spans.ticks_per_beat
        parts, amounts = [], []
        for number in numbers:
            onset, end = int(self.spans.onset[number]), int(self.spans.end[number])
            whole = self._meant(onset, end)
            parts.append((end - onset) / max(whole, 1))
            amounts.append((whole - end + onset) / beat)
        return float(np.median(parts)) < 1 and any(
            np.mean(np.abs(np.array(found) - np.median(found)) <= near) >= ALIKE
            for found, near in ((parts, 0.03), (amounts, 0.02))
        )

    def _meant(self, onset: int, end: int) -> int:
        """Ticks to the next onset if the note ends shortly before it; else to the next half beat."""
        half = max(self.spans.ticks_per_beat // 2, 1)
        following = self._next_onset(onset)
        if following is not None and end <= following and 2 * (end - onset) >= following - onset:
            return following - onset
        return -(-(end - onset) // half) * half
