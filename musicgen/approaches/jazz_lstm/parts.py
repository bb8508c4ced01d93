"""Which tracks are melody and chords, and the beats in which both play: chosen by the user, or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np

from musicgen.approaches.jazz_lstm.gathering_chords import gathered_chords
from musicgen.approaches.jazz_lstm.lines import (
    by_measure,
    first_voice_rests,
    is_harmony,
    single_notes,
    top_line,
    whole_measures,
)
from musicgen.approaches.jazz_lstm.parameters import Training
from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.gathering import STEPS, Event, gather_events
from musicgen.symbolic.metre import Metre, lay_out_measures, metre_at
from musicgen.symbolic.score import Score

WELL_COVERED = 0.6  # of the melody's measures: with fewer block chords, broken ones are tried
LEAST_COVERED = 0.25  # with fewer chords there is no accompaniment
MIN_MEASURES = 4  # in a passage that is used besides the longest
MAX_PAUSE = 2  # measures for which one of the two may be silent
NO_MUSIC = "Jazz LSTM needs a melody over chords"


@dataclass(frozen=True)
class Parts:
    """The passage of one song that is learned from. Times are in twelfths of a beat from the start of the song.

    Attributes:
        start: its first barline. measure: length of each measure.
        line: notes and rests (events without pitches) of each measure. chords: of each measure, at least one.
        harmony: the chords that the melody is over: the same, or, if they were gathered from single voices, the chords
            of those voices and the melody together, which often has the third or the fifth.
        melody_track: number of the track. chord_tracks: those that the chords were taken from.
        warnings: choices that differ from what was asked for.
    """

    start: int
    measure: int
    line: list[list[Event]]
    chords: list[list[Event]]
    harmony: list[list[Event]]
    melody_track: int
    chord_tracks: tuple[int, ...]
    is_gathered: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def n_measures(self) -> int:
        return len(self.line)

    @property
    def first_beat(self) -> float:
        return self.start / STEPS

    @property
    def last_beat(self) -> float:
        return (self.start + self.n_measures * self.measure) / STEPS


def pick_parts(score: Score, allowed: Sequence[int] | None, training: Training, name: str) -> list[Parts]:
    """The parts of one song: one passage, or several in order.

    Raises InvalidInput if it has no melody or no chords."""
    tracks = _Tracks(score, allowed, training, name)
    melody_track = tracks.melody()
    chords, chord_tracks, is_gathered = tracks.chords(melody_track)
    windows = _windows(tracks, melody_track, chords)
    found = [_parts(tracks, melody_track, chords, chord_tracks, is_gathered, window) for window in windows]
    found[0].warnings.extend(tracks.warnings)
    return found


def _parts(
    tracks: _Tracks,
    melody_track: int,
    chords: Sequence[Event],
    chord_tracks: tuple[int, ...],
    is_gathered: bool,
    window: tuple[int, int, int],
) -> Parts:
    """The music of some measures."""
    training, events = tracks.training, tracks.line(melody_track)
    start, measure, n_measures = window
    if training.exact_measures:
        line = whole_measures(events, start, measure, n_measures)
        if not training.rests:
            line = [[event for event in events if event.pitches] for events in line]
    else:
        rests = first_voice_rests(tracks.events[melody_track]) if training.rests else []
        line = by_measure(sorted([*events, *rests], key=lambda event: event.onset), start, measure, n_measures)
    struck = _held_on(by_measure(chords, start, measure, n_measures), chords, start)
    harmony = struck
    if is_gathered:
        whole = gathered_chords([*tracks.below(chord_tracks, melody_track), *events], tracks.barlines)
        harmony = _held_on(by_measure(whole, start, measure, n_measures), whole, start)
    return Parts(start, measure, line, struck, harmony, melody_track, chord_tracks, is_gathered)


class _Tracks:
    """The pitched tracks of a song, and the parameters that choose among them."""

    def __init__(self, score: Score, allowed: Sequence[int] | None, training: Training, name: str) -> None:
        used = np.unique(score.notes["track"]).tolist()
        self.score, self.training, self.name = score, training, name
        self.numbers = [n for n in used if (allowed is None or n in allowed) and not score.tracks[n].is_drum]
        self.events = {number: gather_events(score, [number], grid=training.grid) for number in self.numbers}
        self.warnings: list[str] = []
        if not self.numbers:
            drums = ", only drums" if used else ""
            raise InvalidInput(
                sentence(NO_MUSIC, f"no melodic track in “{name}”{drums}", "Choose another song or other tracks."),
                code="no_melody",
            )

    @cached_property
    def barlines(self) -> list[int]:
        """Of the whole song, in twelfths of a beat."""
        end = max(event.end for events in self.events.values() for event in events)
        return [begin for begin, _ in _measures(self.score, end)]

    def label(self, number: int) -> str:
        name = self.score.tracks[number].name if number < len(self.score.tracks) else ""
        return f"track {number} ({name})" if name else f"track {number}"

    def line(self, number: int) -> list[Event]:
        return single_notes(self.events[number]) if self.training.line == "single" else top_line(self.events[number])

    def melody(self) -> int:
        """The track asked for, if it has a line in the beats asked for; else the one that is most like a melody."""
        wanted = self.training.melody_track
        if wanted is not None and wanted in self.events and any(map(self._is_inside, self.line(wanted))):
            return wanted
        found = max(self.numbers, key=self._melodiousness)
        if wanted is not None and wanted != found:
            self.warnings.append(self._said(f"no melody in track {wanted}", f"{self.label(found)} is used", "melody"))
        return found

    def _melodiousness(self, number: int) -> float:
        """High for mostly single notes, rather high ones, in much of the song."""
        events = self.events[number]
        singles = [event for event in events if not event.is_chord]
        height = np.clip((np.mean([max(event.pitches) for event in events]) - 45) / 24, 0.05, 1)
        measures = {event.onset // (4 * STEPS) for event in events}
        share = max(len(singles) / len(events), 0.1)
        return float(share * height * np.sqrt(len(measures)) * min(1.0, len(events) / len(measures) / 3))

    def chords(self, melody: int) -> tuple[list[Event], tuple[int, ...], bool]:
        """(chords, their tracks, whether they were gathered from single voices)."""
        wanted = self.training.chord_track
        played = self.events.get(wanted, []) if wanted is not None else []
        if wanted is not None and any(is_harmony(event) and self._is_inside(event) for event in played):
            return [event for event in played if event.is_chord], (wanted,), False
        found = self._guessed_chords(melody)
        if wanted is not None and found[1] != (wanted,):
            source = " and ".join(self.label(number) for number in found[1][:3])
            source += " and others" if len(found[1]) > 3 else ""
            verb = "are" if len(found[1]) > 1 else "is"
            self.warnings.append(self._said(f"no chords in track {wanted}", f"{source} {verb} used", "chords"))
        return found

    def _guessed_chords(self, melody: int) -> tuple[list[Event], tuple[int, ...], bool]:
        others = [number for number in self.numbers if number != melody]
        played = _bars(self.line(melody))
        for candidates in (others, [melody]):
            struck: list[Event] = []
            best = max(candidates, key=self._harmoniousness, default=melody)
            if candidates:
                struck = [event for event in self.events[best] if is_harmony(event)]
            covered = len(_bars(struck) & played)
            if covered >= max(1, WELL_COVERED * len(played)):
                return struck, (best,), False
            gathered = gathered_chords(self.below(candidates, melody), self.barlines)
            if len(_bars(gathered) & played) > max(covered, LEAST_COVERED * len(played)):
                return gathered, tuple(candidates), True
            if covered >= max(1, LEAST_COVERED * len(played)):
                return struck, (best,), False
        raise InvalidInput(
            sentence(
                NO_MUSIC,
                f"{len(self.line(melody))} notes in {self.label(melody)} of “{self.name}” with no chords under them",
                "Choose a song in which other notes sound with the melody.",
            ),
            code="no_chords",
        )

    def below(self, numbers: Sequence[int], melody: int) -> list[Event]:
        """What these tracks play, without the melody if its track is one of them."""
        if melody not in numbers:
            return [event for number in numbers for event in self.events[number]]
        line = {(event.onset, event.pitches[0]) for event in top_line(self.events[melody])}
        left = []
        for event in self.events[melody]:
            pitches = tuple(pitch for pitch in event.pitches if (event.onset, pitch) not in line)
            if pitches:
                left.append(Event(event.onset, event.length, pitches, event.velocity))
        return left

    def _harmoniousness(self, number: int) -> float:
        chords = [event for event in self.events[number] if is_harmony(event)]
        if not chords:
            return 0.0
        size = np.mean([min(len({pitch % 12 for pitch in event.pitches}), 4) for event in chords])
        return float(size * len(_bars(chords)))

    def _is_inside(self, event: Event) -> bool:
        first, last = self.training.first_beat, self.training.last_beat
        return (first is None or event.onset >= first * STEPS) and (last is None or event.onset < last * STEPS)

    def _said(self, lacks: str, used: str, what: str) -> str:
        first, last = self.training.first_beat, self.training.last_beat
        place = "" if first is None and last is None else f" from beat {first or 0:g} to {last or 'the end'}"
        return f"“{self.name}” has {lacks}{place}, so {used} for the {what}."


def _bars(events: Sequence[Event]) -> set[int]:
    """The numbers of the four-beat spans in which an event starts."""
    return {event.onset // (4 * STEPS) for event in events}


def _windows(tracks: _Tracks, melody: int, chords: Sequence[Event]) -> list[tuple[int, int, int]]:
    """(first barline, length of a measure, number of measures): the beats asked for, else where both play."""
    first, last = tracks.training.first_beat, tracks.training.last_beat
    line = tracks.line(melody)
    if first is not None or last is not None:
        inside = [event for event in line if tracks._is_inside(event)]
        if inside and any(tracks._is_inside(event) for event in chords):
            return [_asked(tracks.score, line, first, last)]
        tracks.warnings.append(
            f"“{tracks.name}” has no melody over chords from beat {first or 0:g} to {last or 'the end'}, so the "
            "measures in which both play are used."
        )
    found = _stretches(tracks.score, line, chords)
    longest = max(found, key=lambda window: window[2])
    if tracks.training.stretches == "longest":
        return [longest]
    return [window for window in found if window[2] >= MIN_MEASURES] or [longest]


def _asked(score: Score, line: Sequence[Event], first: float | None, last: float | None) -> tuple[int, int, int]:
    """Measures are counted from the first beat asked for; only whole ones are used."""
    start = round((first or 0.0) * STEPS)
    bar = (metre_at(score, Fraction(start, STEPS)) or Metre()).bar * STEPS
    measure = int(bar) if bar.denominator == 1 else 4 * STEPS
    stop = round(last * STEPS) if last is not None else max(event.end for event in line) + measure - 1
    return start, measure, max(1, (stop - start) // measure)


def _stretches(score: Score, line: Sequence[Event], chords: Sequence[Event]) -> list[tuple[int, int, int]]:
    """Runs of equal measures in which melody and chords play, with pauses of at most two measures; at least one run."""
    measures = _measures(score, max(event.end for event in line))
    starts = [begin for begin, _ in measures]
    plays = [np.zeros(len(measures), dtype=bool) for _ in range(2)]
    for active, events in zip(plays, (line, chords), strict=True):
        found = np.searchsorted(starts, [event.onset for event in events], side="right") - 1
        active[found[(found >= 0) & (found < len(measures))]] = True
    both = _without_pauses(plays[0]) & _without_pauses(plays[1])
    runs: list[tuple[int, int, int]] = []
    for (together, _), run in groupby(range(len(measures)), key=lambda place: (both[place], measures[place][1])):
        numbers = [place for place in run if together]
        while numbers and not plays[0][numbers[0]]:
            numbers.pop(0)
        while numbers and not plays[0][numbers[-1]]:
            numbers.pop()
        if numbers:
            runs.append((*measures[numbers[0]], len(numbers)))
    return runs or [(*measures[0], len(measures))]


def _without_pauses(active: np.ndarray) -> np.ndarray:
    """True also in gaps of up to two measures."""
    filled, places = active.copy(), np.flatnonzero(active)
    for here, following in pairwise(places.tolist()):
        if following - here <= MAX_PAUSE + 1:
            filled[here:following] = True
    return filled


def _measures(score: Score, end: int) -> list[tuple[int, int]]:
    """(start, length) of the measures, in twelfths of a beat; if these are not whole numbers, measures of 4 beats."""
    laid = lay_out_measures(score.time_signatures, score.ticks_per_beat, Fraction(end, STEPS))
    places = [(measure.start * STEPS, measure.length * STEPS) for measure in laid]
    if any(part.denominator > 1 for place in places for part in place):
        return [(begin, 4 * STEPS) for begin in range(0, end, 4 * STEPS)]
    return [(int(begin), int(length)) for begin, length in places]


def _held_on(own: Sequence[list[Event]], chords: Sequence[Event], start: int) -> list[list[Event]]:
    """A measure without a chord takes the last one before it, or else the next one."""
    before = [event for event in chords if event.onset < start]
    following = next((events[0] for events in own if events), None) or chords[0]
    last = before[-1] if before else following
    filled = []
    for events in own:
        filled.append(list(events) or [last])
        last = filled[-1][-1]
    return filled
