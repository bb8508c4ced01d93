"""How the voices of a score move: their steps and leaps, and whether they cross. NumPy only.

Conventions
    As in `tonality`. The outer voices are the highest and the lowest line of all tracks together (see
    `melodic_lines`), so that a piece in one track can be measured beside songs in several. Crossing is measured
    between tracks that play one note at a time.

Metrics
    mean_interval     how far the outer voices move from note to note, in semitones
    step_share        share of their moves, repeated notes left out, of one or two semitones, 0 … 1
    leap_share        share of their moves of more than a fifth, 0 … 1
    crossing_share    of the time that two neighbouring voices sound: the share in which the lower one is higher, 0 … 1
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.melodic_lines import outer_lines
from musicgen.evaluation.note_events import first_notes, together
from musicgen.symbolic.score import Score

MAX_NOTES = 3_000
STEP, LEAP = 2, 7  # semitones: a step at most, a leap above
MIN_VOICE = 8  # notes
SINGLE = 0.85  # of a track's notes that do not overlap the next one: a voice
MIN_MOMENTS = 8  # at which two voices sound


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    moves = np.concatenate([np.abs(np.diff(line)) for line in outer_lines(score)] or [np.zeros(0)])
    moving = moves[moves > 0]
    return {
        "mean_interval": float(moves.mean()) if moves.size else 0.0,
        "step_share": float((moving <= STEP).mean()) if moving.size else 0.0,
        "leap_share": float((moves > LEAP).mean()) if moves.size else 0.0,
        "crossing_share": crossing_share(score),
    }


def crossing_share(score: Score) -> float:
    """Over all pairs of neighbouring voices; 0 with fewer than two voices. Their mean pitches say which is higher."""
    moments = together(score) + score.ticks_per_beat // 16  # when all notes of a chord have begun
    voices = [found for track in range(len(score.tracks)) if (found := _voice(score, track, moments)) is not None]
    voices.sort(key=lambda pitch: float(np.nanmean(pitch)))
    crossed = moments_of_both = 0
    for low, high in pairwise(voices):
        both = ~(np.isnan(low) | np.isnan(high))
        if both.sum() >= MIN_MOMENTS:
            crossed += int((low[both] > high[both]).sum())
            moments_of_both += int(both.sum())
    return crossed / moments_of_both if moments_of_both else 0.0


def _voice(score: Score, track: int, moments: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """The pitch that a track plays at each moment, NaN where it rests; None if it is no voice of one note at a time."""
    notes = score.notes[score.notes["track"] == track]
    if notes.size < MIN_VOICE:
        return None
    onset, ends = notes["onset_ticks"], notes["onset_ticks"] + notes["duration_ticks"]
    if (ends[:-1] <= onset[1:] + score.ticks_per_beat // 16).mean() < SINGLE:
        return None
    place = np.maximum(np.searchsorted(onset, moments, side="right") - 1, 0)
    sounds = (onset[place] <= moments) & (moments < ends[place])
    found = np.where(sounds, notes["pitch"][place].astype(np.float64), np.nan)
    return found if sounds.any() else None
