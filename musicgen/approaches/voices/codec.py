"""The codec of voices: pitches of each voice ↔ ids, and what a piece needs to become a score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.examples import TRANSPOSE, GridSong
from musicgen.approaches.voices.grid import REST, VoiceGrid, grid_notes
from musicgen.symbolic.keys import KeyEstimate, estimate_key
from musicgen.symbolic.metre import Metre, signatures_of
from musicgen.symbolic.score import KeySignature, Score, TempoChange, Track, make_notes

TICKS_PER_BEAT = 480
VELOCITY = 80
NAMES = {
    2: ("Upper voice", "Lower voice"),
    3: ("Upper voice", "Middle voice", "Lower voice"),
    4: ("Soprano", "Alto", "Tenor", "Bass"),
    5: ("Soprano", "Alto", "Tenor", "Baritone", "Bass"),
    6: ("Soprano", "Mezzo-soprano", "Alto", "Tenor", "Baritone", "Bass"),
}


@dataclass(frozen=True)
class GridCodec:
    """Grids ↔ ids: 0 is a rest, 1 the lowest pitch.

    Attributes:
        lowest, highest: pitches that ids stand for: those of the songs, and as far as training transposes them.
        ranges: the lowest and the highest pitch of each voice in the songs. programs: their instruments.
        steps_per_beat: steps in a quarter note. strikes: whether a held note is told from one struck again.
        tempo: BPM, median of the songs. metre: numerator, denominator of most songs.
        upbeat: steps before the first barline in most songs.
        faults: how many of each kind a beat of the songs has, see `faults.FAULTS`; the first two in runs of earlier
            versions, None in the first ones.
        longest: steps of the longest note and the longest rest of each voice in the songs, see `longest_steps`; None if
            that is not known. silence: the most steps in a row at which all voices rest; None if that is not known.
    """

    lowest: int
    highest: int
    ranges: tuple[tuple[int, int], ...]
    programs: tuple[int, ...]
    steps_per_beat: int = 4
    strikes: bool = True
    tempo: float = 120.0
    metre: tuple[int, int] = (4, 4)
    upbeat: int = 0
    faults: tuple[float, ...] | None = None
    longest: tuple[tuple[int, int], ...] | None = None
    silence: int | None = None

    @classmethod
    def spanning(cls, pitches: NDArray[np.integer], **more: Any) -> GridCodec:
        """Of the pitches that occur, any shape; rests are no pitches."""
        sung = pitches[pitches != REST]
        return cls(max(0, int(sung.min()) - TRANSPOSE), min(127, int(sung.max()) + TRANSPOSE - 1), **more)

    @property
    def values(self) -> int:
        return self.highest - self.lowest + 2

    @property
    def n_voices(self) -> int:
        return len(self.ranges)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the voices, the highest first."""
        return NAMES[self.n_voices]

    def to_ids(self, pitches: NDArray[np.integer]) -> NDArray[np.int32]:
        """Pitches → ids; a pitch that was not in the songs moves by octaves until it is among them."""
        wide = pitches.astype(np.int32)
        below, above = self.lowest - wide, wide - self.highest
        wide = wide + 12 * np.maximum(0, -(-below // 12)) - 12 * np.maximum(0, -(-above // 12))
        return np.where(pitches == REST, 0, np.clip(wide, self.lowest, self.highest) - self.lowest + 1).astype(np.int32)

    def to_pitches(self, ids: NDArray[np.integer]) -> NDArray[np.int16]:
        """Inverse of `to_ids` for pitches of the songs."""
        return np.where(ids == 0, REST, ids + self.lowest - 1).astype(np.int16)

    def allowed(self) -> NDArray[np.bool_]:
        """Which ids each voice may sing, shape (voices, values): rests, and its range."""
        pitches = np.arange(self.values) + self.lowest - 1
        low, high = np.array(self.ranges).T[:, :, None]
        return (pitches == self.lowest - 1) | ((pitches >= low) & (pitches <= high))

    def bar_steps(self, metre: Metre) -> int:
        return max(1, round(metre.bar * self.steps_per_beat))

    def song(self, grid: VoiceGrid) -> GridSong:
        """A grid as the networks read it."""
        bar = self.bar_steps(grid.metre)
        return GridSong.of(
            self.to_ids(grid.pitches), grid.struck, start=-round(grid.metre.upbeat * self.steps_per_beat) % bar,
            bar=bar, beat=self.steps_per_beat, values=self.values,
        )  # fmt: skip

    def to_score(self, ids: NDArray[np.integer], struck: NDArray[np.bool_], *, tempo: float, metre: Metre) -> Score:
        """(steps, voices) → a score with a part for each voice, in the key that it seems to be in."""
        onset, duration, pitch, voice = grid_notes(self.to_pitches(ids), struck)
        step = TICKS_PER_BEAT // self.steps_per_beat
        score = Score(
            make_notes(onset * step, duration * step, pitch, VELOCITY, voice), TICKS_PER_BEAT,
            tuple(Track(name, program) for name, program in zip(self.names, self.programs, strict=True)),
            (TempoChange(0, tempo),), signatures_of(metre, TICKS_PER_BEAT),
        )  # fmt: skip
        return _signed(score)

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "ranges": [list(each) for each in self.ranges],
            "programs": list(self.programs),
            "metre": list(self.metre),
            "faults": list(self.faults[:2]) if self.faults else None,
            "clashes": self.faults[2] if self.faults and len(self.faults) > 2 else None,
            "longest": [list(each) for each in self.longest] if self.longest else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> GridCodec:
        clashes = [] if document.get("clashes") is None else [float(document["clashes"])]
        return cls(
            lowest=int(document["lowest"]),
            highest=int(document["highest"]),
            ranges=tuple((int(low), int(high)) for low, high in document["ranges"]),
            programs=tuple(int(program) for program in document["programs"]),
            steps_per_beat=int(document["steps_per_beat"]),
            strikes=bool(document["strikes"]),
            tempo=float(document["tempo"]),
            metre=(int(document["metre"][0]), int(document["metre"][1])),
            upbeat=int(document["upbeat"]),
            faults=(*map(float, faults), *clashes) if (faults := document.get("faults")) else None,
            longest=tuple((int(note), int(rest)) for note, rest in document.get("longest") or ()) or None,
            silence=document.get("silence"),
        )


def _signed(score: Score) -> Score:
    """The score with the key signature of the key that it seems to be in; without one if there is no telling."""
    key = estimate_key(score) if score.num_notes else KeyEstimate("none", 0.0)
    if key.name == "none":
        return score
    return replace(score, key_signatures=(KeySignature(0, _sharps(key), key.is_minor),))


def _sharps(key: KeyEstimate) -> int:
    """Sharps of a key's signature, -5 … 6; flats are negative."""
    major = (key.tonic + (3 if key.is_minor else 0)) % 12
    sharps = major * 7 % 12
    return sharps - 12 if sharps > 6 else sharps
