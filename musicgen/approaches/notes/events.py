"""Notes as events in time order: each one a gap, a voice, a pitch, a length and a loudness.

    gap        from the onset of the note before to that of this one, in steps of 1/24 beat; 0 within a chord
    voice      which instrument, and which of its staves; notes that start together are ordered from low to high
    pitch      MIDI number
    duration   in steps of 1/24 beat (a semiquaver is 6, a quaver triplet 8); rests are gaps longer than durations
    velocity   one of 16 levels

Long gaps and durations are rounded to coarser steps, so that no value is rare only because it is exact. A field with
the same value in all songs (loudness, in most scores) stays in the codec and costs the network nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.voices import Voice, numbered
from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.metre import Metre, metre_at, signatures_of
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes

STEPS_PER_BEAT = 24
FIELDS = ("gap", "voice", "pitch", "duration", "velocity")
GAP, VOICE, PITCH, DURATION, VELOCITY = range(5)
# Upper ends in steps (1, 2, 4, 8, 16 beats), and how fine the lengths up to there are.
FINENESS = ((24, 1), (48, 2), (96, 4), (192, 12), (384, 48))
LENGTHS = np.concatenate([np.arange(0, 24), *(np.arange(a, b, f) for (a, _), (b, f) in pairwise(FINENESS)), [384]])
VELOCITY_LEVEL = 8
TRANSPOSE = 6  # semitones down that training may transpose a song, and one less up: every key once

Events = NDArray[np.int32]  # (n_notes, 5), raw values: steps, voice number, pitch, steps, level


@dataclass(frozen=True)
class EventSong:
    """The events of one song. `start`: steps from the start of a bar to the first onset; `bar`: steps in a bar;
    `metre`: numerator and denominator, if known."""

    events: Events
    start: int = 0
    bar: int = 4 * STEPS_PER_BEAT
    metre: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.events)

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """Steps from the start of a bar to each onset, shape (n_notes,)."""
        return self.start + np.cumsum(self.events[:, GAP], dtype=np.int64)


@dataclass(frozen=True)
class EventCodec:
    """Scores ↔ events ↔ ids.

    Attributes:
        values: per field the raw values in sorted order; the index of a value is its id.
        voices: what the voice numbers stand for. is_single: per voice, whether it has one note at a time.
        ranges: per voice, its lowest and its highest pitch in the songs.
        most_together: notes in the largest chord of the songs. most_repeats: of one pitch by one voice in a row.
        most_still: notes in a row, of all voices, that repeat the last pitch of their voice; 0 in codecs of older runs,
            whose pieces have no such limit.
        tempo: BPM, median of the songs. bar: length of the most common bar, in steps.
        by_role: whether the voices are roles instead of instruments.
        metre: numerator and denominator of the most common metre; None in codecs of older runs, whose pieces get a
            time signature from the length of a bar.
    """

    values: tuple[tuple[int, ...], ...]
    voices: tuple[Voice, ...]
    is_single: tuple[bool, ...]
    ranges: tuple[tuple[int, int], ...]
    most_together: int
    most_repeats: int
    tempo: float
    bar: int
    metre: tuple[int, int] | None = None
    by_role: bool = False
    most_still: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each field."""
        return tuple(len(values) for values in self.values)

    @property
    def spoken(self) -> tuple[int, ...]:
        """The fields that a network predicts: those with at least two values."""
        return tuple(field for field, size in enumerate(self.sizes) if size > 1)

    @cached_property
    def _arrays(self) -> list[NDArray[np.int64]]:
        return [np.array(values) for values in self.values]

    def score_to_song(
        self, score: Score, tracks: Sequence[int] | None = None, *, num_notes: int | None = None
    ) -> EventSong:
        """The notes of the chosen tracks, without drums. An instrument that was not in the training songs gets the
        nearest voice.

        Args:
            num_notes: only the first ones, in the metre in force where they end.
        """
        voices = numbered(score, tracks, self.voices, by_role=self.by_role)
        if self.metre is None:
            return _cut(_song_without_metre(score, voices), num_notes)
        return score_to_song(score, voices, usual=self.metre, num_notes=num_notes)

    def events_to_ids(self, events: Events) -> NDArray[np.int32]:
        """Raw values → ids, shape (n_notes, 5). A value that was not in the training songs becomes the nearest one."""
        return np.stack(
            [nearest(values, events[:, field]) for field, values in enumerate(self._arrays)], axis=1
        ).astype(np.int32)

    def ids_to_events(self, ids: NDArray[np.integer]) -> Events:
        """Inverse of `events_to_ids` for values of the training songs. Raises InvalidInput for ids out of range."""
        if ids.size and (ids.min() < 0 or (ids >= np.array(self.sizes)).any()):
            raise InvalidInput(
                sentence(f"Ids of {', '.join(FIELDS)} must be below {self.sizes}", ids.max(axis=0).tolist())
            )
        return np.stack([values[ids[:, field]] for field, values in enumerate(self._arrays)], axis=1).astype(np.int32)

    def events_to_score(
        self, events: Events, *, tempo: float | None = None, metre: tuple[int, int] | None = None, start: int = 0
    ) -> Score:
        """The events from beat 0 on, each voice on a track of its own. In a voice with one note at a time, each note
        ends when the next starts.

        Args:
            metre: numerator, denominator; None for those of the songs. start: steps from a barline to the first onset.
        """
        used = sorted(set(events[:, VOICE].tolist()))
        tracks = tuple(Track(self.voices[v].name, self.voices[v].program) for v in used) or (Track(),)
        return Score(
            make_notes(
                np.cumsum(events[:, GAP]),
                self._durations(events),
                events[:, PITCH],
                np.clip(events[:, VELOCITY] * VELOCITY_LEVEL + VELOCITY_LEVEL // 2, 1, 127),
                np.searchsorted(used, events[:, VOICE]) if used else 0,
            )
            if len(events)
            else make_notes([], [], [], []),
            STEPS_PER_BEAT,
            tracks,
            (TempoChange(0, tempo or self.tempo),),
            self._signatures(metre, start),
        )

    def _signatures(self, metre: tuple[int, int] | None, start: int) -> tuple[TimeSignature, ...]:
        if self.metre is None:
            return (TimeSignature(0, *_signature(self.bar)),)
        signed = Metre(*(metre or self.metre))
        return signatures_of(replace(signed, upbeat=Fraction(-start, STEPS_PER_BEAT) % signed.bar), STEPS_PER_BEAT)

    def _durations(self, events: Events) -> NDArray[np.int64]:
        onset, duration = np.cumsum(events[:, GAP]), np.maximum(events[:, DURATION], 1).astype(np.int64)
        for voice in np.flatnonzero(self.is_single):
            mine = np.flatnonzero(events[:, VOICE] == voice)
            until_next = np.diff(onset[mine])
            duration[mine[:-1]] = np.where(
                until_next > 0, np.minimum(duration[mine[:-1]], until_next), duration[mine[:-1]]
            )
        return duration

    def to_json(self) -> dict[str, Any]:
        return {
            "values": [list(values) for values in self.values],
            "voices": [[voice.program, voice.number, voice.name] for voice in self.voices],
            "is_single": list(self.is_single),
            "ranges": [list(each) for each in self.ranges],
            "most_together": self.most_together,
            "most_repeats": self.most_repeats,
            "tempo": self.tempo,
            "bar": self.bar,
            "metre": list(self.metre) if self.metre else None,
            # Older runs have no such entries, and must stay equal.
            **({"by_role": True} if self.by_role else {}),
            **({"most_still": self.most_still} if self.most_still else {}),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> EventCodec:
        return cls(
            values=tuple(tuple(int(value) for value in values) for values in document["values"]),
            voices=tuple(Voice(int(program), int(number), str(name)) for program, number, name in document["voices"]),
            is_single=tuple(bool(each) for each in document["is_single"]),
            ranges=tuple((int(low), int(high)) for low, high in document["ranges"]),
            most_together=int(document["most_together"]),
            most_repeats=int(document["most_repeats"]),
            tempo=float(document["tempo"]),
            bar=int(document["bar"]),
            metre=_metre_from_json(document.get("metre")),
            by_role=bool(document.get("by_role", False)),
            most_still=int(document.get("most_still", 0)),
        )


def _metre_from_json(metre: Sequence[int] | None) -> tuple[int, int] | None:
    return (int(metre[0]), int(metre[1])) if metre else None


def score_to_song(
    score: Score,
    voice_of_track: dict[int, int],
    *,
    usual: tuple[int, int] = (4, 4),
    num_notes: int | None = None,
) -> EventSong:
    """Notes of the tracks named in `voice_of_track`, in time order, low to high within a chord, in the metre of most of
    the score.

    Args:
        usual: metre if the score has none. num_notes: only the first ones, in the metre in force where they end.
    """
    song, first = _cut(_song_without_metre(score, voice_of_track), num_notes), _first_onset(score, voice_of_track)
    end = Fraction(first + int(song.events[:, GAP].sum()), STEPS_PER_BEAT)
    found = metre_at(score, None if num_notes is None else end)
    metre = found or Metre(*usual)
    bar, upbeat = max(1, round(metre.bar * STEPS_PER_BEAT)), round(metre.upbeat * STEPS_PER_BEAT)
    return EventSong(song.events, (first - upbeat) % bar, bar, (metre.numerator, metre.denominator))


def _cut(song: EventSong, num_notes: int | None) -> EventSong:
    return song if num_notes is None else replace(song, events=song.events[:num_notes])


def _first_onset(score: Score, voice_of_track: dict[int, int]) -> int:
    ticks = score.notes["onset_ticks"][np.isin(score.notes["track"], list(voice_of_track))]
    return int(np.rint(ticks.min() * STEPS_PER_BEAT / score.ticks_per_beat)) if ticks.size else 0


def _song_without_metre(score: Score, voice_of_track: dict[int, int]) -> EventSong:
    """The same, in bars as long as the first time signature says, from the start of the score."""
    notes = score.notes[np.isin(score.notes["track"], list(voice_of_track))]
    onset = np.rint(notes["onset_ticks"] * STEPS_PER_BEAT / score.ticks_per_beat).astype(np.int64)
    order = np.lexsort((notes["pitch"], onset))
    notes, onset = notes[order], onset[order]
    duration = np.rint(notes["duration_ticks"] * STEPS_PER_BEAT / score.ticks_per_beat).astype(np.int64)
    voice = np.array([voice_of_track[track] for track in notes["track"].tolist()], dtype=np.int64)
    gap = np.diff(onset, prepend=onset[:1])
    columns = (
        _rounded(gap),
        voice,
        notes["pitch"],
        np.maximum(_rounded(duration), 1),
        notes["velocity"] // VELOCITY_LEVEL,
    )
    events = np.stack([np.asarray(column, dtype=np.int32) for column in columns], axis=1).reshape(-1, len(FIELDS))
    bar = bar_steps(score)
    return EventSong(events, int(onset[0] % bar) if onset.size else 0, bar)


def _rounded(steps: NDArray[np.integer]) -> NDArray[np.int64]:
    return LENGTHS[nearest(LENGTHS, steps)]


def nearest(values: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.int64]:
    """Index of the nearest of the sorted `values` for each wanted one; the smaller one if two are equally near."""
    after = np.clip(np.searchsorted(values, wanted), 1, max(1, len(values) - 1))
    if len(values) == 1:
        return np.zeros(np.shape(wanted), dtype=np.int64)
    return after - (wanted - values[after - 1] <= values[after] - wanted)


def bar_steps(score: Score) -> int:
    """Length of a bar by the first valid time signature, in steps; 4/4 if the score has none."""
    for signature in score.time_signatures:
        if signature.numerator > 0 and signature.denominator > 0:
            return max(1, round(4 * STEPS_PER_BEAT * signature.numerator / signature.denominator))
    return 4 * STEPS_PER_BEAT


def _signature(bar: int) -> tuple[int, int]:
    for denominator in (4, 8, 16, 32):
        numerator = bar * denominator / (4 * STEPS_PER_BEAT)
        if numerator == int(numerator) and numerator >= 1:
            return int(numerator), denominator
    return 4, 4
