"""From the events of tracks to a melody: single notes, top lines, rests, whole measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from musicgen.symbolic.gathering import Event

SHORTEST = 3  # twelfths of a beat: length of notes that have none; shorter gaps are not rests


def single_notes(events: Iterable[Event]) -> list[Event]:
    """The notes that sound alone."""
    return [_with_length(event) for event in events if not event.is_chord]


def top_line(events: Iterable[Event]) -> list[Event]:
    """The highest note at each moment, except those that start and end under a much higher note (accompaniment)."""
    highest: dict[int, Event] = {}
    for event in events:
        top = replace(_with_length(event), pitches=(max(event.pitches),))
        if event.onset not in highest or top.pitches > highest[event.onset].pitches:
            highest[event.onset] = top
    line: list[Event] = []
    for event in sorted(highest.values(), key=lambda event: event.onset):
        above = next((other for other in reversed(line[-8:]) if other.end >= event.end), None)
        if above is None or above.pitches[0] - event.pitches[0] <= 4:
            line.append(event)
    return line


def first_voice_rests(events: Iterable[Event]) -> list[Event]:
    """The rests of the first voice. Notes that start while another sounds are a second voice, which fills no rest.

    Newer versions of music21 read the same file in this way, and find 82 rests."""
    rests, end = [], 0
    for event in events:
        if event.onset >= end:
            if event.onset > end:
                rests.append(Event(end, event.onset - end, (), 0))
            end = _with_length(event).end
    return rests


def whole_measures(line: Sequence[Event], start: int, measure: int, n_measures: int) -> list[list[Event]]:
    """One note at a time with rests between, cut at barlines, so that notes and rests fill each measure exactly.

    Gaps too short to be rests belong to the note before."""
    end = start + measure * n_measures
    onsets = _without_graces(sorted({event.onset: event for event in line if start <= event.onset < end}.items()))
    moments = [*(onset for onset, _ in onsets), end]
    filled: list[Event] = []
    position = start
    for (onset, event), following in zip(onsets, moments[1:], strict=True):
        filled.append(Event(position, onset - position, (), 0))
        barline = onset + measure - (onset - start) % measure
        limit = min(following, barline)
        stop = limit if limit - event.end < SHORTEST else event.end
        filled.append(Event(onset, stop - onset, event.pitches, event.velocity))
        position = stop
    filled.append(Event(position, end - position, (), 0))
    pieces = [piece for event in filled if event.length for piece in _cut(event, start, measure)]
    return by_measure(pieces, start, measure, n_measures)


def _without_graces(onsets: Sequence[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """Without notes only a twelfth of a beat before the next: ornaments, or inexact playing on the grid."""
    following = [*(onset for onset, _ in onsets[1:]), None]
    return [pair for pair, after in zip(onsets, following, strict=True) if after is None or after - pair[0] > 1]


def by_measure(events: Iterable[Event], start: int, measure: int, n_measures: int) -> list[list[Event]]:
    """The events that start in each measure; others are left out."""
    found: list[list[Event]] = [[] for _ in range(n_measures)]
    for event in events:
        number = (event.onset - start) // measure
        if 0 <= number < n_measures:
            found[number].append(event)
    return found


def is_harmony(event: Event) -> bool:
    """Whether it has at least two pitch classes."""
    return len({pitch % 12 for pitch in event.pitches}) > 1


def _with_length(event: Event) -> Event:
    return event if event.length else replace(event, length=SHORTEST)


def _cut(event: Event, start: int, measure: int) -> list[Event]:
    """An event cut at barlines."""
    pieces, onset = [], event.onset
    while onset < event.end:
        stop = min(event.end, onset + measure - (onset - start) % measure)
        pieces.append(replace(event, onset=onset, length=stop - onset))
        onset = stop
    return pieces
