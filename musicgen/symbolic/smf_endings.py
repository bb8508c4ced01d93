"""Finds the event that ends each note of a MIDI file. NumPy only.

A note-off ends the first note still sounding in its place (chunk, channel, key). A note without a note-off ends
where a player would stop it: at All Sound Off or All Notes Off on its channel, else at the end of its track.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

OPEN = -1
FAR_BEATS = 64  # an end of track this far after the last key does not end any notes


def pair(place: NDArray[np.int64], is_on: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The note-ons in order, and the note-off of each, -1 if there is none; within a place, first on, first off."""
    order = np.argsort(place, kind="stable")
    place, is_on = place[order], is_on[order]
    if _alternates(place, is_on):
        ons, offs = order[0::2], order[1::2]
    else:
        group = np.cumsum(np.diff(place, prepend=place[:1]) != 0)
        kept = ~_orphans(group, is_on)
        order, group, is_on = order[kept], group[kept], is_on[kept]
        ons, ends = order[is_on], order[~is_on]
        offs = np.full(ons.size, -1)
        offs[np.searchsorted(_numbered(group[is_on]), _numbered(group[~is_on]))] = ends
    back = np.argsort(ons)
    return ons[back], offs[back]


def _alternates(place: NDArray[np.int64], is_on: NDArray[np.bool_]) -> bool:
    """Whether every note ends before the next one of its place begins, as in most files."""
    return bool(
        place.size % 2 == 0 and is_on[0::2].all() and not is_on[1::2].any() and np.array_equal(place[0::2], place[1::2])
    )


def _orphans(group: NDArray[np.int64], is_on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for the note-offs that come while no note of their group sounds.

    There the sum of ons and offs of a group reaches a new low. Groups are kept apart by starting each lower than
    the previous one can reach."""
    base = group * -(group.size + 1)
    start = np.flatnonzero(np.diff(group, prepend=-1))
    total = np.cumsum(np.where(is_on, 1, -1))
    before = np.where(start > 0, total[start - 1], 0)
    level = total - np.repeat(before, np.diff(start, append=group.size)) + base
    lowest = np.minimum.accumulate(np.minimum(level, base))
    return level < np.minimum(np.concatenate([base[:1], lowest[:-1]]), base)


def _numbered(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending groups → group × 2^32 + the number of each within its group."""
    return (group << 32) + np.arange(group.size) - np.searchsorted(group, group)


def next_silence(place: NDArray[np.int64], tick: NDArray[np.int64], silences: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tick of the first silence of its place after each tick, OPEN if there is none. `silences`: sorted places
    × 2^48 + ticks."""
    at = np.searchsorted(silences, place << 48 | tick, side="right")
    found = np.append(silences, -1)[at]
    return np.where(found >> 48 == place, found & (1 << 48) - 1, OPEN)


def replay(
    place: NDArray[np.int64], is_on: NDArray[np.bool_], tick: NDArray[np.int64], silent_at: NDArray[np.int64]
) -> tuple[dict[int, int], int]:
    """Notes that a silence may end: index of the note-on → tick of its end; and how many note-offs ended one.

    The columns are note-ons and note-offs in file order; `silent_at`: the next silence of each, OPEN without one. A
    silenced note still ends with its own note-off if that comes before the key is struck again."""
    ends: dict[int, int] = {}
    num_used, current, sounding = 0, -1, deque[tuple[int, int]]()
    order = np.argsort(place, kind="stable")
    columns = (order, place[order], is_on[order], tick[order], silent_at[order])
    for number, group, strikes, now, silence in zip(*(column.tolist() for column in columns), strict=True):
        if group != current:
            ends.update(_silenced(sounding))
            current = group
            sounding.clear()
        if strikes:
            while sounding and OPEN < sounding[0][1] <= now:
                ends.update([sounding.popleft()])
            sounding.append((number, silence))
        elif sounding:
            ends[sounding.popleft()[0]] = now
            num_used += 1
    ends.update(_silenced(sounding))
    return ends, num_used


def _silenced(sounding: deque[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    return ((number, silence) for number, silence in sounding if silence != OPEN)


def end_of_track(onset: NDArray[np.int64], end: NDArray[np.int64], last: int, beat: int) -> NDArray[np.int64]:
    """Where notes without an end stop: with their track, whose `end` counts unless it is far after the last key of
    the file, at tick `last`; then there, but at the earliest a beat after their onset."""
    sensible = np.where(end <= last + FAR_BEATS * beat, end, np.maximum(last, onset + beat))
    return np.maximum(sensible, onset)
