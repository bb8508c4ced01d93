"""When each note head of a written score sounds, in seconds as the score's tempo map has them.

A note lights at its own onset, also where it is written a little earlier or later because it was played. A tied note
is several heads: each lights for its part of the length. Repeats are written out, so that a head lights once; only
where notes of one pitch were played so close together that they are one head, it lights for each of them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypedDict

import numpy as np

from musicgen.symbolic.note_voices import note_places
from musicgen.symbolic.written_score import Part, WrittenNote, WrittenScore

SHORTEST = 0.03  # seconds for which a head is lit at least: two pictures of a screen
DIGITS = 3  # of the seconds

_Span = tuple[float, float]


class Moment(TypedDict):
    """What changes at one moment. `on`, `off`: ids of note heads. `page`: from 1, where the heads are that light up; if
    none does, where the last ones were."""

    seconds: float
    on: list[str]
    off: list[str]
    page: int


@dataclass(frozen=True)
class LitHead:
    """A note head and when it is lit, in seconds."""

    head: WrittenNote
    start: float
    end: float


def timemap(written: WrittenScore, page_of: Callable[[WrittenNote], int], *, prefix: str = "") -> list[Moment]:
    """The moments in order. `page_of`: the page of a note head, from 1. `prefix`: of every id in the pages."""
    on: dict[float, list[WrittenNote]] = defaultdict(list)
    off: dict[float, list[str]] = defaultdict(list)
    for lit in lit_heads(written):
        on[round(lit.start, DIGITS)].append(lit.head)
        off[round(lit.end, DIGITS)].append(prefix + lit.head.id)
    moments, page = [], 1
    for seconds in sorted({*on, *off}):
        heads = on.get(seconds, [])
        page = max(map(page_of, heads), default=page)
        moments.append(Moment(seconds=seconds, on=[prefix + h.id for h in heads], off=off.get(seconds, []), page=page))
    return moments


def lit_heads(written: WrittenScore) -> Iterator[LitHead]:
    """When each head is lit, part by part. Parts of tied notes after the sound has ended are left out; times in which
    one head is lit do not overlap."""
    heads: dict[str, list[WrittenNote]] = {part.id: [] for part in written.parts}
    for head in written.notes():
        heads[head.part.id].append(head)
    for part in written.parts:
        yield from _apart(_lit_in_part(written, part, heads[part.id]))


def _apart(found: Iterable[LitHead]) -> Iterator[LitHead]:
    """Times of one head that overlap or touch as one."""
    last: dict[str, LitHead] = {}
    for lit in sorted(found, key=lambda each: each.start):
        before = last.get(lit.head.id)
        if before is not None and lit.start <= before.end:
            lit = LitHead(lit.head, before.start, max(before.end, lit.end))
        elif before is not None:
            yield before
        last[lit.head.id] = lit
    yield from last.values()


def _lit_in_part(written: WrittenScore, part: Part, heads: list[WrittenNote]) -> Iterator[LitHead]:
    heads = sorted(heads, key=lambda head: (head.event.start, head.voice))
    starts = _seconds(written, [head.event.start for head in heads])
    ends = _seconds(written, [head.event.end for head in heads])
    sounding = _sounding(written, part)
    tied: dict[tuple[int, int], _Span] = {}  # the note that goes on, by voice and pitch
    struck: dict[tuple[Fraction, int], WrittenNote] = {}
    for head, start, end in zip(heads, starts, ends, strict=True):
        place, voice = (head.event.start, head.pitch), (head.voice, head.pitch)
        begins, stops = head.event.tie in ("", "start"), head.event.tie in ("", "stop")
        if begins:
            struck[place] = head
            tied[voice] = sounding[place].popleft() if sounding[place] else (start, end)
        onset, offset = tied.get(voice, (start, end))
        first, last = (onset if begins else max(start, onset)), (offset if stops else min(end, offset))
        if begins or last > first:
            yield LitHead(head, first, max(last, first + SHORTEST))
    for place, more in sounding.items():
        if place in struck:
            yield from (LitHead(struck[place], on, max(off, on + SHORTEST)) for on, off in more)


def _sounding(written: WrittenScore, part: Part) -> dict[tuple[Fraction, int], deque[_Span]]:
    """Where a note is written, and its pitch → when it sounds; notes written in the same place in their order."""
    score = written.score
    chosen = score.notes["track"] == part.track
    rows = zip(
        note_places(score, part.track),
        score.notes["pitch"][chosen].tolist(),
        score.onset[chosen].tolist(),
        score.offset[chosen].tolist(),
        strict=True,
    )
    found: dict[tuple[Fraction, int], deque[_Span]] = defaultdict(deque)
    for (start, _), pitch, onset, offset in rows:
        found[start, pitch].append((onset, offset))
    return found


def _seconds(written: WrittenScore, places: list[Fraction]) -> list[float]:
    """Positions in quarter notes → seconds."""
    ticks = np.array([float(place) for place in places]) * written.score.ticks_per_beat
    return [float(each) for each in written.score.ticks_to_seconds(ticks)]
