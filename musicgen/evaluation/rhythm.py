"""How a score moves in time: its grid, its beat, and the variety of its note lengths. NumPy only.

Conventions
    As in `tonality`. Notes that begin together are one moment. The grid of a beat (a quarter note) has its sixteenths
    and its triplets; a moment within `TOLERANCE_BEATS` of one of those is on it.

Metrics
    off_grid_share    share of the moments that are not on the grid, 0 … 1
    beat_share        share of the moments that fall on one place of the beat, the most frequent one, 0 … 1
    together_share    share of the notes that begin together with another, 0 … 1
    length_variety    how many note lengths there are, weighed by how often each occurs: 2 to the power of the entropy
    syncopated_share  of the notes of a beat or longer: the share that begin elsewhere than on that place, 0 … 1; 0 with
                      fewer than `MIN_LONG` such notes
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import first_notes, together
from musicgen.symbolic.score import Score

MAX_NOTES = 4_000
GRID = np.array([0, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 5 / 6, 1])
TOLERANCE_BEATS = 1 / 48
PLACES = 24  # of the beat
LENGTHS_PER_BEAT = 12  # as fine as note lengths are told apart
LONG_BEATS = 1.0 - 1 / 8  # players end notes a little early
MIN_LONG = 8


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    places = together(score) / score.ticks_per_beat % 1.0
    return {
        "off_grid_share": off_grid_share(places),
        "beat_share": beat_share(places),
        "together_share": together_share(score),
        "length_variety": length_variety(score),
        "syncopated_share": syncopated_share(score, places),
    }


def off_grid_share(places: NDArray[np.floating]) -> float:
    """`places`: of the moments within their beats, 0 … 1."""
    if not places.size:
        return 0.0
    distance = np.abs(places[:, None] - GRID).min(axis=1)
    return float((distance > TOLERANCE_BEATS + 1e-9).mean())


def beat_share(places: NDArray[np.floating]) -> float:
    """The share of the fullest of `PLACES` places: where a piece begins does not matter."""
    return float(_on_places(places).max() / places.size) if places.size else 0.0


def _on_places(places: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many of the moments fall on each of the `PLACES` places of the beat."""
    return np.bincount(np.rint(places * PLACES).astype(int) % PLACES, minlength=PLACES)


def syncopated_share(score: Score, places: NDArray[np.floating]) -> float:
    """`places`: of all moments, which say where the beat is."""
    long = score.duration_beats >= LONG_BEATS
    if long.sum() < MIN_LONG:
        return 0.0
    beat = _on_places(places).argmax()
    begins = np.rint(score.notes["onset_ticks"][long] / score.ticks_per_beat % 1.0 * PLACES).astype(int) % PLACES
    return float((begins != beat).mean())


def together_share(score: Score) -> float:
    """Of all notes."""
    if not score.num_notes:
        return 0.0
    moment = np.searchsorted(together(score), score.notes["onset_ticks"], side="right")
    size = np.bincount(moment)
    return float(size[size > 1].sum() / score.num_notes)


def length_variety(score: Score) -> float:
    """1: all notes are equally long. 0 for an empty score."""
    if not score.num_notes:
        return 0.0
    lengths = np.rint(score.duration_beats * LENGTHS_PER_BEAT).astype(np.int64)
    shares = np.unique(lengths, return_counts=True)[1] / lengths.size
    return float(2.0 ** -(shares @ np.log2(shares)))
