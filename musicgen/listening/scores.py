"""Excerpts of written music, all rendered in one go by the same synthesiser. Children only.

What is levelled, because only one side would have it: pedals and other controls always, tempo changes always (both
excerpts of a round have the one tempo of its original); velocities if a piece has only one; instruments if
the pieces do not all have the same ones (all then play the piano, and drums are left out). Pitches, rhythm and the
number of voices stay: they are what a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.wav import read_wav
from musicgen.audio.waveform import Waveform
from musicgen.listening.excerpts import Ground
from musicgen.symbolic.rendering import render_score
from musicgen.symbolic.score import DEFAULT_TEMPO, Score, TempoChange, Track, make_notes

SAMPLE_RATE = 44_100
TICKS_PER_SECOND = 10_000
LEAD_SECONDS = 0.05  # silence before the first note, so that the fade does not soften it
GAP_SECONDS = 3.0  # between two excerpts of the rendering: the last notes die away
VELOCITY = 80
MIN_NOTES = 2  # an excerpt with fewer says nothing
MAX_TRACKS = 12
EDGE_BEATS = 1.0  # left out at the start
NEAR = 1e-6  # beats


@dataclass(frozen=True)
class Levelling:
    """Which differences between the two sides are taken away."""

    velocity: bool
    instruments: bool

    def words(self) -> list[str]:
        parts = ["tempo changes", "pedals"]
        return [*parts, *(["velocities"] if self.velocity else []), *(["instruments"] if self.instruments else [])]


@dataclass(frozen=True)
class ScorePiece:
    """The notes of a piece that excerpts are taken from."""

    score: Score

    @property
    def onset(self) -> NDArray[np.float64]:
        """In beats, sorted."""
        return self.score.onset_beats

    @property
    def tempo(self) -> float:
        """BPM: the one that lasts longest."""
        changes = self.score.tempos
        if not changes:
            return DEFAULT_TEMPO
        end = self.score.notes["onset_ticks"][-1]
        ticks = np.diff([*(change.tick for change in changes), max(end, changes[-1].tick)])
        seconds = ticks / np.array([change.tempo for change in changes])
        return changes[int(np.argmax(seconds))].tempo

    def seconds_at(self, beat: float) -> float:
        """The time of a beat in the piece as it is stored."""
        ticks = np.array([round(beat * self.score.ticks_per_beat)])
        return float(self.score.ticks_to_seconds(ticks)[0])

    def ground(self, beats: float, skipped_onsets: int) -> Ground:
        """Where excerpts of this length may lie, in beats: they begin with a note. The first `skipped_onsets` are left
        out, and so are the final chord and the last note before it."""

        def is_audible(start: float) -> bool:
            first, last = np.searchsorted(self.onset, [start - NEAR, start + beats - NEAR])
            return bool(last - first >= MIN_NOTES)

        starts = np.unique(self.onset)
        first = starts[min(skipped_onsets, starts.size - 1)] if skipped_onsets else starts[0] + EDGE_BEATS
        return Ground(float(first), float(starts[-1]), beats, self._snap, is_audible)

    def _snap(self, beat: float) -> float | None:
        index = int(np.searchsorted(self.onset, beat - NEAR))
        return float(self.onset[index]) if index < self.onset.size else None


def open_score(score: Score, tracks: Sequence[int] | None, *, with_drums: bool) -> ScorePiece | None:
    """The tracks that were learned, without drums unless wanted; None if no note is left."""
    wanted = range(len(score.tracks)) if tracks is None else tracks
    kept = tuple(each for each in wanted if with_drums or not score.tracks[each].is_drum)
    found = score.only_tracks(kept)
    return ScorePiece(found) if found.num_notes else None


def instruments_of(score: Score, tracks: Sequence[int] | None = None) -> set[tuple[int, bool]]:
    """(program, is_drum) of every track with notes."""
    sounding = set(score.notes["track"].tolist())
    wanted = sounding if tracks is None else sounding & set(tracks)
    return {
        (0 if score.tracks[each].is_drum else score.tracks[each].program, score.tracks[each].is_drum) for each in wanted
    }


def how_to_level(pieces: Sequence[Score], tracks: Sequence[Sequence[int] | None]) -> Levelling:
    """What the pieces of both sides do not all have. `tracks`: those that are used of each piece; None: all."""
    has_one_velocity = any(np.unique(score.notes["velocity"]).size <= 1 for score in pieces)
    instruments = [instruments_of(score, used) for score, used in zip(pieces, tracks, strict=True)]
    return Levelling(has_one_velocity, any(each != instruments[0] for each in instruments))


@dataclass(frozen=True)
class ScoreExcerpt:
    """`beats` from beat `start` of a piece, played at `tempo`."""

    piece: ScorePiece
    start: float
    beats: float
    tempo: float


def render_excerpts(
    excerpts: Sequence[ScoreExcerpt], seconds: float, levelling: Levelling, folder: Path
) -> list[Waveform]:
    """The sound of each excerpt, exactly `round(seconds * SAMPLE_RATE)` samples of stereo.

    They are rendered one after another as one score, so that synthesiser, sound font and level are the same for all.
    Raises ResourceUnavailable, see symbolic.rendering."""
    path = folder / ".rendering.wav"
    slot = LEAD_SECONDS + seconds + GAP_SECONDS
    try:
        render_score(_in_a_row(excerpts, slot, seconds, levelling), path, sample_rate=SAMPLE_RATE)
        n_samples = round(seconds * SAMPLE_RATE)
        firsts = [round(number * slot * SAMPLE_RATE) for number in range(len(excerpts))]
        return [_padded(read_wav(path, first, first + n_samples), n_samples) for first in firsts]
    finally:
        path.unlink(missing_ok=True)


def _padded(sound: Waveform, n_samples: int) -> Waveform:
    return Waveform(np.pad(sound.samples, ((0, 0), (0, n_samples - sound.n_samples))), sound.sample_rate)


def _in_a_row(excerpts: Sequence[ScoreExcerpt], slot: float, seconds: float, levelling: Levelling) -> Score:
    """One score with all excerpts, by a clock of its own (a beat is half a second)."""
    tracks: dict[tuple[int, bool, int], int] = {}
    parts = []
    for number, excerpt in enumerate(excerpts):
        score, second = excerpt.piece.score, 60.0 / excerpt.tempo
        inside = (score.onset_beats >= excerpt.start - NEAR) & (
            score.onset_beats < excerpt.start + excerpt.beats - NEAR
        )
        notes = score.notes[inside]
        onset = (score.onset_beats[inside] - excerpt.start) * second
        end = np.minimum(onset + score.duration_beats[inside] * second, seconds - LEAD_SECONDS)
        begin = number * slot + LEAD_SECONDS
        ticks = np.rint((begin + onset) * TICKS_PER_SECOND)
        length = np.maximum(np.rint((end - onset) * TICKS_PER_SECOND), 1)
        velocity = VELOCITY if levelling.velocity else notes["velocity"]
        placed = [_place(score.tracks[each], int(each), levelling, tracks) for each in notes["track"]]
        parts.append(make_notes(ticks, length, notes["pitch"], velocity, placed))
    staves = tuple(Track("", program, is_drum) for program, is_drum, _ in tracks)
    tempo = (TempoChange(0, 120.0),)
    return Score(np.concatenate(parts), TICKS_PER_SECOND // 2, staves or (Track(),), tempos=tempo)


def _place(track: Track, index: int, levelling: Levelling, tracks: dict[tuple[int, bool, int], int]) -> int:
    """The number of the track of the joint score that a note goes to; voices of one instrument stay apart."""
    program = 0 if levelling.instruments or track.is_drum else track.program
    wanted = (program, track.is_drum, index % MAX_TRACKS)
    return tracks.setdefault(wanted, len(tracks))
