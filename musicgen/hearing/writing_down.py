"""Heard notes on a grid of beats, written down as a score. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.hearing.beats import BeatGrid
from musicgen.hearing.notes import HeardNotes
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes

TICKS_PER_BEAT = 480
TRACK = "Heard notes"
SAME_TEMPO = 1e-6  # tempos that differ by a smaller share are the same; more would add up from beat to beat


def heard_score(notes: HeardNotes, grid: BeatGrid) -> Score:
    """The notes as one piano track. Every note keeps its time in seconds: nothing is moved to the grid, whose beats
    follow the playing instead."""
    onset = seconds_to_ticks(notes.onset, grid.times)
    offset = seconds_to_ticks(notes.offset, grid.times)
    return Score(
        notes=make_notes(onset, np.maximum(offset - onset, 1), notes.pitch, notes.velocity),
        ticks_per_beat=TICKS_PER_BEAT,
        tracks=(Track(TRACK),),
        tempos=tempo_changes(grid.times),
        time_signatures=_time_signatures(grid),
    )


def seconds_to_ticks(seconds: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds to ticks, by the time of each beat; the last beat goes on for ever."""
    place = np.interp(seconds, times, np.arange(times.size))
    beyond = np.maximum(seconds - times[-1], 0.0) / (times[-1] - times[-2])
    return np.rint((place + beyond) * TICKS_PER_BEAT).astype(np.int64)


def tempo_changes(times: NDArray[np.float64]) -> tuple[TempoChange, ...]:
    """One for each beat whose tempo differs from that of the beat before it."""
    changes: list[TempoChange] = []
    for beat, tempo in enumerate((60.0 / np.diff(times)).tolist()):
        if not changes or abs(tempo / changes[-1].tempo - 1) > SAME_TEMPO:
            changes.append(TempoChange(beat * TICKS_PER_BEAT, tempo))
    return tuple(changes)


def _time_signatures(grid: BeatGrid) -> tuple[TimeSignature, ...]:
    full = TimeSignature(grid.upbeat * TICKS_PER_BEAT, grid.metre, 4)
    return (TimeSignature(0, grid.upbeat, 4), full) if grid.upbeat else (full,)
