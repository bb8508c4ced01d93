"""A score as it is written down: its measures, and for each track with notes a part with voices. No MusicXML yet."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.metre import Measure, lay_out_measures
from musicgen.symbolic.note_values import WrittenEvent, full_rest, voice_in_measure
from musicgen.symbolic.note_voices import score_to_voices
from musicgen.symbolic.score import Score

MAX_NOTES = 20_000

Voices = dict[int, list[WrittenEvent]]  # number of a voice → its events in a measure


@dataclass(frozen=True)
class Part:
    """One track as written: for each measure, the voices that sound in it."""

    id: str
    track: int
    measures: list[Voices]


@dataclass(frozen=True)
class WrittenNote:
    """One note head. `id`: see `note_ids`. `measure`: its index. `voice`: its number in the part.

    A note that is tied is several of these; `event.tie` says which of them this is."""

    id: str
    part: Part
    measure: int
    voice: int
    event: WrittenEvent
    pitch: int


@dataclass(frozen=True)
class WrittenScore:
    """`parts` have as many measures as `measures`."""

    score: Score
    measures: list[Measure]
    parts: list[Part]

    def notes(self) -> Iterator[WrittenNote]:
        """All note heads: part by part, measure by measure, voice by voice."""
        for part in self.parts:
            for measure, voices in enumerate(part.measures):
                for voice, events in voices.items():
                    for index, event in enumerate(events):
                        ids = note_ids(part.id, measure, voice, index, event)
                        for id, pitch in zip(ids, event.pitches, strict=True):
                            yield WrittenNote(id, part, measure, voice, event, pitch)


def note_ids(part: str, measure: int, voice: int, index: int, event: WrittenEvent) -> list[str]:
    """The names of the note heads of an event, unique in a score: part, measure, voice, event and place in the chord,
    all by index."""
    return [f"{part}-{measure}-{voice}-{index}-{place}" for place in range(len(event.pitches))]


def write_down(score: Score) -> WrittenScore:
    """The score as measures, parts and voices.

    Raises InvalidInput for no notes, and for more than 20,000, which notation programs do not open.
    """
    if not 0 < score.num_notes <= MAX_NOTES:
        rule = f"Sheet music needs 1 to {MAX_NOTES:,} notes"
        raise InvalidInput(sentence(rule, f"{score.num_notes:,}", "Download the MIDI file instead."))
    voices = {track: score_to_voices(score, track) for track in sorted(set(score.notes["track"].tolist()))}
    end = max(event.end for found in voices.values() for voice in found for event in voice)
    measures = lay_out_measures(score.time_signatures, score.ticks_per_beat, end)
    parts = [
        Part(f"P{number}", track, _by_measure(found, measures))
        for number, (track, found) in enumerate(voices.items(), start=1)
    ]
    return WrittenScore(score, measures, parts)


def _by_measure(voices: Sequence[Sequence[WrittenEvent]], measures: Sequence[Measure]) -> list[Voices]:
    """The voices that sound in each measure; a rest if none does."""
    starts = [measure.start for measure in measures]
    sounding: list[Voices] = [{} for _ in measures]
    for name, voice in enumerate(voices, start=1):
        heard = {
            number
            for event in voice
            for number in range(bisect_right(starts, event.start) - 1, bisect_left(starts, event.end))
        }
        for number in heard:
            sounding[number][name] = voice_in_measure(voice, measures[number])
    return [_numbered(found) or {1: full_rest(measure)} for found, measure in zip(sounding, measures, strict=True)]


def _numbered(voices: Voices) -> Voices:
    """A voice keeps its number from measure to measure, so that ties find their other end; a single voice without a
    number is the first."""
    if len(voices) != 1:
        return voices
    (events,) = voices.values()
    is_tied = events[0].tie in ("stop", "continue") or events[-1].tie in ("start", "continue")
    return voices if is_tied else {1: events}
