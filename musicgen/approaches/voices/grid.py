"""Scores ↔ grids: several voices, each with a pitch, a held pitch or a rest at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.assigning import LEFT_OUT, assigned, sung_notes
from musicgen.symbolic.metre import Metre, metre_at
from musicgen.symbolic.score import Score

REST = -1
NEAR = 0.1  # steps: a note this close to the grid was written on it


@dataclass(frozen=True)
class VoiceGrid:
    """A song on the grid.

    Attributes:
        pitches: MIDI numbers, or REST; shape (steps, voices), the highest voice first.
        struck: whether a note begins there; a cell with a pitch that is not struck is held.
        metre: with the upbeat in quarter notes from the first step. first_tick: of the first step, in the score.
        numbers: of the notes of the score that it was read from. voices: which sings each; LEFT_OUT for none.
        onsets, ends: of each note, in steps. moved: share of the notes that were not on the grid.
    """

    pitches: NDArray[np.int16]
    struck: NDArray[np.bool_]
    metre: Metre
    first_tick: int
    numbers: NDArray[np.int64]
    voices: NDArray[np.int64]
    onsets: NDArray[np.int64]
    ends: NDArray[np.int64]
    moved: float

    def __len__(self) -> int:
        return len(self.pitches)

    @property
    def left_out(self) -> int:
        """How many notes no voice could sing."""
        return int((self.voices == LEFT_OUT).sum())


def score_to_grid(
    score: Score,
    tracks: Sequence[int] | None,
    n_voices: int,
    *,
    steps_per_beat: int = 4,
    usual: Metre = Metre(),  # noqa: B008 - frozen
    from_start: bool = False,
) -> VoiceGrid:
    """The chosen tracks on a grid, from the first note on, or from the start of the score.

    A voice sings one note at a time: a note ends at the latest when the next one of its voice begins. `usual`: the
    metre if the score has none.
    """
    numbers = sung_notes(score, tracks)
    notes = score.notes[numbers]
    per_tick = steps_per_beat / score.ticks_per_beat
    exact = notes["onset_ticks"] * per_tick
    onsets = np.floor(exact + 0.5).astype(np.int64)
    first = 0 if from_start or not onsets.size else int(onsets.min())
    ends = np.floor((notes["onset_ticks"] + notes["duration_ticks"]) * per_tick + 0.5).astype(np.int64)
    onsets, ends = onsets - first, np.maximum(ends, onsets + 1) - first
    voices = assigned(score, numbers, onsets, ends, n_voices)
    ends = _one_at_a_time(voices, onsets, ends)
    pitches = np.full((int(ends.max(initial=0)), n_voices), REST, dtype=np.int16)
    struck = np.zeros(pitches.shape, dtype=bool)
    for voice, onset, end, pitch in zip(voices, onsets, ends, notes["pitch"], strict=True):
        if voice != LEFT_OUT and end > onset:
            pitches[onset:end, voice], struck[onset, voice] = pitch, True
    metre = metre_at(score) or usual
    upbeat = (metre.upbeat - Fraction(first, steps_per_beat)) % metre.bar
    moved = float((np.abs(exact - np.floor(exact + 0.5)) > NEAR).mean()) if exact.size else 0.0
    return VoiceGrid(
        pitches, struck, Metre(metre.numerator, metre.denominator, upbeat),
        round(first * score.ticks_per_beat / steps_per_beat), numbers, voices, onsets, ends, moved,
    )  # fmt: skip


def _one_at_a_time(voices: NDArray[np.int64], onsets: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ends, at the latest where the next note of the same voice begins."""
    ends = ends.copy()
    for voice in np.unique(voices[voices != LEFT_OUT]).tolist():
        mine = np.flatnonzero(voices == voice)
        mine = mine[np.argsort(onsets[mine], kind="stable")]
        ends[mine[:-1]] = np.minimum(ends[mine[:-1]], onsets[mine[1:]])
    return ends


def grid_notes(
    pitches: NDArray[np.integer], struck: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(onset, duration, pitch, voice) of each note of a grid, in steps; a note is held until its voice rests, moves or
    strikes again."""
    changed = struck.copy()
    changed[0] = True
    changed[1:] |= pitches[1:] != pitches[:-1]
    rows = []
    for voice in range(pitches.shape[1]):
        begins = np.flatnonzero(changed[:, voice])
        lasts = np.diff(np.append(begins, len(pitches)))
        sings = pitches[begins, voice] != REST
        rows.append(
            np.stack([begins, lasts, pitches[begins, voice], np.full(begins.size, voice)], axis=1)[sings].astype(
                np.int64
            )
        )
    onset, duration, pitch, voice = np.concatenate(rows).T
    return onset, duration, pitch, voice
