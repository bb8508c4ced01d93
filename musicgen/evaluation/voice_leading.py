"""How the voices of a score move: their steps and leaps, and whether they cross. NumPy only.

Conventions
    As in `tonality`. The outer voices are the highest and the lowest line of all tracks together (see
    `melodic_lines`), so that a piece in one track can be measured beside songs in several. Crossing is measured
    between tracks; a chord in one of them counts with its mean pitch.

Metrics
    mean_interval     how far the outer voices move from note to note, in semitones
    step_share        share of their moves, repeated notes left out, of one or two semitones, 0 … 1
    leap_share        share of their moves of more than a fifth, 0 … 1
    track_leap_share  share of the moves within a track, from one highest note to the next, of more than a fifth, 0 … 1
    crossing_share    of the moments at which two neighbouring tracks sound: in how many the lower is higher, 0 … 1
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.melodic_lines import outer_lines, track_tops
from musicgen.evaluation.note_events import first_notes
from musicgen.evaluation.sounding import sounding_sum
from musicgen.symbolic.score import Score

MAX_NOTES = 3_000
STEP, LEAP = 2, 7  # semitones: a step at most, a leap above
MIN_TRACK = 8  # notes
MIN_MOMENTS = 8  # at which two tracks sound


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    moves = np.concatenate([np.abs(np.diff(line)) for line in outer_lines(score)] or [np.zeros(0)])
    moving = moves[moves > 0]
    return {
        "mean_interval": float(moves.mean()) if moves.size else 0.0,
        "step_share": float((moving <= STEP).mean()) if moving.size else 0.0,
        "leap_share": float((moves > LEAP).mean()) if moves.size else 0.0,
        "track_leap_share": track_leap_share(score),
        "crossing_share": crossing_share(score),
    }


def track_leap_share(score: Score) -> float:
    """Over all tracks of more than a few notes together."""
    moves = [np.abs(np.diff(line)) for line in track_tops(score) if line.size >= MIN_TRACK]
    return float((np.concatenate(moves) > LEAP).mean()) if moves else 0.0


def crossing_share(score: Score) -> float:
    """Over all pairs of neighbouring tracks; 0 with fewer than two. Their mean pitches say which is the higher one."""
    tracks = [pitch for pitch in _centres(score) if not np.isnan(pitch).all()]
    tracks.sort(key=lambda pitch: float(np.nanmean(pitch)))
    crossed = moments_of_both = 0
    for low, high in pairwise(tracks):
        both = ~(np.isnan(low) | np.isnan(high))
        if both.sum() >= MIN_MOMENTS:
            crossed += int((low[both] > high[both]).sum())
            moments_of_both += int(both.sum())
    return crossed / moments_of_both if moments_of_both else 0.0


def _centres(score: Score) -> list[NDArray[np.float64]]:
    """The mean pitch of what each track plays when notes begin, NaN where it rests; tracks of a few notes left out."""
    found = []
    for track in np.unique(score.notes["track"]):
        inside = score.notes["track"] == track
        if inside.sum() >= MIN_TRACK:
            count = sounding_sum(score, inside, np.ones(score.num_notes))
            total = sounding_sum(score, inside, score.notes["pitch"].astype(np.float64))
            found.append(np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0.5))
    return found
