"""From the events of tracks to a melody and chords: single notes, top lines, rests, harmony of many voices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from musicgen.symbolic.gathering import STEPS, Event

SHORTEST = 3  # twelfths of a beat: what has no length gets this, and smaller gaps are no rests
CHORD_PITCHES = 5  # of a chord that is gathered from several voices


def single_notes(events: Iterable[Event]) -> list[Event]:
    """The notes that sound alone."""
    return [_with_length(event) for event in events if not event.is_chord]


def top_line(events: Iterable[Event]) -> list[Event]:
    """The highest note of each moment; what begins and ends under a note that is much higher is accompaniment."""
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
    """The silences of the first voice: notes that begin while another sounds belong to a second one, which fills none.

    This is what newer versions of music21 make of the same file, and where their 82 rests come from."""
    rests, end = [], 0
    for event in events:
        if event.onset >= end:
            if event.onset > end:
                rests.append(Event(end, event.onset - end, (), 0))
            end = _with_length(event).end
    return rests


def whole_measures(line: Sequence[Event], start: int, measure: int, n_measures: int) -> list[list[Event]]:
    """One note at a time and rests between, cut at barlines: the lengths of each measure add up to the measure.

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
    """Without notes that last a twelfth of a beat until the next: ornaments, or what the grid made of a sloppy one."""
    following = [*(onset for onset, _ in onsets[1:]), None]
    return [pair for pair, after in zip(onsets, following, strict=True) if after is None or after - pair[0] > 1]


def by_measure(events: Iterable[Event], start: int, measure: int, n_measures: int) -> list[list[Event]]:
    """The events that begin in each measure; others are left out."""
    found: list[list[Event]] = [[] for _ in range(n_measures)]
    for event in events:
        number = (event.onset - start) // measure
        if 0 <= number < n_measures:
            found[number].append(event)
    return found


def gathered_chords(events: Iterable[Event], slice_length: int) -> list[Event]:
    """Chords of what several voices sound together: one for each slice of time with two pitch classes or more.

    What sounds longest in the slice is kept, at most five notes; the same chord again is one that lasts."""
    slices: dict[int, dict[int, int]] = {}
    loudest: dict[int, int] = {}
    for event in events:
        for number in range(event.onset // slice_length, (max(event.end - 1, event.onset)) // slice_length + 1):
            begin = max(event.onset, number * slice_length)
            sounding = max(1, min(event.end, (number + 1) * slice_length) - begin)
            for pitch in event.pitches:
                heard = slices.setdefault(number, {})
                heard[pitch] = heard.get(pitch, 0) + sounding
            loudest[number] = max(loudest.get(number, 0), event.velocity)
    chords: list[Event] = []
    for number in sorted(slices):
        chosen = sorted(slices[number], key=lambda pitch: (-slices[number][pitch], pitch))[:CHORD_PITCHES]
        pitches = tuple(sorted(chosen))
        if len({pitch % 12 for pitch in pitches}) < 2:
            continue
        onset = number * slice_length
        if chords and chords[-1].pitches == pitches and chords[-1].end == onset and onset % (4 * STEPS):
            chords[-1] = replace(chords[-1], length=chords[-1].length + slice_length)
        else:
            chords.append(Event(onset, slice_length, pitches, loudest[number]))
    return chords


def is_harmony(event: Event) -> bool:
    """Two pitch classes or more at once."""
    return len({pitch % 12 for pitch in event.pitches}) > 1


def _with_length(event: Event) -> Event:
    return event if event.length else replace(event, length=SHORTEST)


def _cut(event: Event, start: int, measure: int) -> list[Event]:
    """A rest in pieces that cross no barline."""
    pieces, onset = [], event.onset
    while onset < event.end:
        stop = min(event.end, onset + measure - (onset - start) % measure)
        pieces.append(replace(event, onset=onset, length=stop - onset))
        onset = stop
    return pieces
