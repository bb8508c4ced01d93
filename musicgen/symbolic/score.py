"""Score: written music as tables of notes and changes. Knows no file formats and no sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.errors import InvalidInput, sentence

NOTE_DTYPE = np.dtype(
    [("onset_ticks", "<i8"), ("duration_ticks", "<i8"), ("pitch", "u1"), ("velocity", "u1"), ("track", "<i2")]
)
CONTROL_DTYPE = np.dtype([("tick", "<i8"), ("number", "u1"), ("value", "<u2"), ("track", "<i2")])
PITCH_BEND = 128  # the `number` of a pitch bend (value 0-16383, 8192 = none); smaller numbers are MIDI controllers
DEFAULT_TEMPO = 120.0


@dataclass(frozen=True)
class Track:
    """One staff or instrument. `program` is General MIDI 0-127."""

    name: str = ""
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True)
class TempoChange:
    tick: int
    tempo: float  # BPM, quarter notes


@dataclass(frozen=True)
class TimeSignature:
    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class KeySignature:
    tick: int
    sharps: int  # -7 (seven flats) … 7
    is_minor: bool = False


@dataclass(frozen=True)
class Score:
    """Notes with their tempo map, signatures and controls.

    Attributes:
        notes: structured array of NOTE_DTYPE, sorted by onset, then track. Notes at the same tick keep their order
            (in a chord from a file, the order in which it was struck), but those of zero length come first.
        ticks_per_beat: ticks in a quarter note.
        tracks: `notes["track"]` indexes this.
        tempos: sorted by tick; 120 BPM if empty.
        controls: structured array of CONTROL_DTYPE, sorted by tick: pedals, volume, pitch bends … They shape the sound
            of a rendered score; no network reads them.
    """

    notes: NDArray[np.void]
    ticks_per_beat: int = 480
    tracks: tuple[Track, ...] = (Track(),)
    tempos: tuple[TempoChange, ...] = ()
    time_signatures: tuple[TimeSignature, ...] = ()
    key_signatures: tuple[KeySignature, ...] = field(default=())
    controls: NDArray[np.void] = field(default_factory=lambda: np.empty(0, CONTROL_DTYPE))

    def __post_init__(self) -> None:
        notes = np.asarray(self.notes, dtype=NOTE_DTYPE)
        if self.ticks_per_beat < 1:
            raise InvalidInput(sentence("A beat must have at least one tick", self.ticks_per_beat))
        if notes.size:
            if notes["pitch"].max() > 127 or notes["velocity"].max() > 127:
                raise InvalidInput(sentence("Pitches and velocities must be 0-127", int(notes["pitch"].max())))
            if notes["onset_ticks"].min() < 0 or notes["duration_ticks"].min() < 0:
                raise InvalidInput(sentence("Onsets and durations must not be negative", "a negative time"))
            if notes["track"].min() < 0 or notes["track"].max() >= len(self.tracks):
                raise InvalidInput(
                    sentence("Every note must belong to a track of the score", int(notes["track"].max()))
                )
        notes = notes[np.lexsort((notes["duration_ticks"] > 0, notes["track"], notes["onset_ticks"]))]
        notes.flags.writeable = False
        object.__setattr__(self, "notes", notes)
        object.__setattr__(self, "controls", self._checked_controls())

    def _checked_controls(self) -> NDArray[np.void]:
        controls = np.asarray(self.controls, dtype=CONTROL_DTYPE)
        if controls.size:
            if controls["tick"].min() < 0:
                raise InvalidInput(sentence("Controls must not come before the start", "a negative time"))
            if controls["track"].min() < 0 or controls["track"].max() >= len(self.tracks):
                raise InvalidInput(
                    sentence("Every control must belong to a track of the score", int(controls["track"].max()))
                )
            highest = np.where(controls["number"] == PITCH_BEND, 16_383, 127)
            if controls["number"].max() > PITCH_BEND or (controls["value"] > highest).any():
                raise InvalidInput(sentence("Control values must be 0-127, pitch bends 0-16383", "a larger value"))
        controls = controls[np.argsort(controls["tick"], kind="stable")]
        controls.flags.writeable = False
        return controls

    @property
    def num_notes(self) -> int:
        return int(self.notes.size)

    @property
    def onset_beats(self) -> NDArray[np.float64]:
        return self.notes["onset_ticks"] / self.ticks_per_beat

    @property
    def duration_beats(self) -> NDArray[np.float64]:
        return self.notes["duration_ticks"] / self.ticks_per_beat

    @cached_property
    def onset(self) -> NDArray[np.float64]:
        """Onsets in seconds, by the tempo map."""
        return self.ticks_to_seconds(self.notes["onset_ticks"])

    @cached_property
    def offset(self) -> NDArray[np.float64]:
        """Ends in seconds, by the tempo map."""
        return self.ticks_to_seconds(self.notes["onset_ticks"] + self.notes["duration_ticks"])

    @property
    def seconds(self) -> float:
        """End of the last note."""
        return float(self.offset.max()) if self.num_notes else 0.0

    def ticks_to_seconds(self, ticks: NDArray[np.integer]) -> NDArray[np.float64]:
        """Tick positions to seconds; piecewise linear through the tempo changes."""
        changes = (
            self.tempos if self.tempos and self.tempos[0].tick == 0 else (TempoChange(0, DEFAULT_TEMPO), *self.tempos)
        )
        if len(changes) == 1:
            return np.asarray(ticks * (60.0 / (changes[0].tempo * self.ticks_per_beat)))
        starts = np.array([change.tick for change in changes], dtype=np.float64)
        seconds_per_tick = np.array([60.0 / (change.tempo * self.ticks_per_beat) for change in changes])
        elapsed = np.concatenate([[0.0], np.cumsum(np.diff(starts) * seconds_per_tick[:-1])])
        index = np.searchsorted(starts, ticks, side="right") - 1
        return elapsed[index] + (ticks - starts[index]) * seconds_per_tick[index]

    def only_tracks(self, wanted: tuple[int, ...]) -> Score:
        """The same score with only the notes of these tracks; track numbers do not change."""
        return replace(
            self,
            notes=self.notes[np.isin(self.notes["track"], wanted)],
            controls=self.controls[np.isin(self.controls["track"], wanted)],
        )


def opening(score: Score, beats: float) -> Score:
    """The first beats of a score: later notes and changes are left out, notes that are still sounding are cut."""
    end = round(beats * score.ticks_per_beat)
    notes = score.notes[score.notes["onset_ticks"] < end].copy()
    notes["duration_ticks"] = np.minimum(notes["duration_ticks"], end - notes["onset_ticks"])
    return replace(
        score,
        notes=notes,
        tempos=tuple(change for change in score.tempos if change.tick < end),
        time_signatures=tuple(change for change in score.time_signatures if change.tick < end),
        key_signatures=tuple(change for change in score.key_signatures if change.tick < end),
        controls=score.controls[score.controls["tick"] < end],
    )


def make_notes(
    onset_ticks: ArrayLike, duration_ticks: ArrayLike, pitch: ArrayLike, velocity: ArrayLike, track: ArrayLike = 0
) -> NDArray[np.void]:
    """Columns (array-likes or scalars) to a structured note table; lengths broadcast."""
    columns = np.broadcast_arrays(*(np.atleast_1d(c) for c in (onset_ticks, duration_ticks, pitch, velocity, track)))
    notes = np.empty(columns[0].shape, dtype=NOTE_DTYPE)
    for name, column in zip(NOTE_DTYPE.names or (), columns, strict=True):
        notes[name] = column
    return notes
