"""The pitched tracks of a song: which is the melody, which are the chords, chosen by the user or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np

from musicgen.approaches.jazz_lstm.gathering_chords import gathered_chords
from musicgen.approaches.jazz_lstm.lines import is_harmony, single_notes, top_line
from musicgen.approaches.jazz_lstm.parameters import Training
from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.gathering import STEPS, Event, gather_events
from musicgen.symbolic.metre import lay_out_measures
from musicgen.symbolic.score import Score

WELL_COVERED = 0.6  # of the melody's measures: with fewer block chords, broken ones are tried
LEAST_COVERED = 0.25  # with fewer chords there is no accompaniment
NO_MUSIC = "Jazz LSTM needs a melody over chords"


class Tracks:
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
        return [begin for begin, _ in measures_of(self.score, end)]

    def label(self, number: int) -> str:
        name = self.score.tracks[number].name if number < len(self.score.tracks) else ""
        return f"track {number} ({name})" if name else f"track {number}"

    def line(self, number: int) -> list[Event]:
        return single_notes(self.events[number]) if self.training.line == "single" else top_line(self.events[number])

    def melody(self) -> int:
        """The track asked for, if it has a line in the beats asked for; else the one that is most like a melody."""
        wanted = self.training.melody_track
        if wanted is not None and wanted in self.events and any(map(self.is_inside, self.line(wanted))):
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
        if wanted is not None and any(is_harmony(event) and self.is_inside(event) for event in played):
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

    def is_inside(self, event: Event) -> bool:
        first, last = self.training.first_beat, self.training.last_beat
        return (first is None or event.onset >= first * STEPS) and (last is None or event.onset < last * STEPS)

    def _said(self, lacks: str, used: str, what: str) -> str:
        first, last = self.training.first_beat, self.training.last_beat
        place = "" if first is None and last is None else f" from beat {first or 0:g} to {last or 'the end'}"
        return f"“{self.name}” has {lacks}{place}, so {used} for the {what}."


def _bars(events: Sequence[Event]) -> set[int]:
    """The numbers of the four-beat spans in which an event starts."""
    return {event.onset // (4 * STEPS) for event in events}


def measures_of(score: Score, end: int) -> list[tuple[int, int]]:
    """(start, length) of the measures, in twelfths of a beat; if these are not whole numbers, measures of 4 beats."""
    laid = lay_out_measures(score.time_signatures, score.ticks_per_beat, Fraction(end, STEPS))
    places = [(measure.start * STEPS, measure.length * STEPS) for measure in laid]
    if any(part.denominator > 1 for place in places for part in place):
        return [(begin, 4 * STEPS) for begin in range(0, end, 4 * STEPS)]
    return [(int(begin), int(length)) for begin, length in places]
