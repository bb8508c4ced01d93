"""Which notes belong to a key, and which of those that sound together clash. NumPy only.

Conventions
    As in `midi`: drum notes are left out unless there is nothing else; an empty score has 0 for each metric. Of a long
    score, the first `MAX_NOTES` notes are measured. A key is a major or a harmonic minor scale.

Metrics
    in_key_share       share of the notes that the best single key has, 0 … 1
    local_key_share    the same in each stretch of 32 notes, each in its own best key: the mean
    dissonance_share   share of the pairs of pitch classes that sound together and are a second, a seventh or a
                       tritone apart, 0 … 1; 0 where fewer than `MIN_PAIRS` pairs sound together
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import first_notes
from musicgen.evaluation.sounding import sounding_sum
from musicgen.symbolic.harmony import DISSONANT
from musicgen.symbolic.score import Score

MAX_NOTES = 4_000
LOCAL_NOTES = 32  # two or three bars: a melody does not change its key sooner
MIN_PAIRS = 12
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)
KEYS = np.array([[(pc - tonic) % 12 in scale for pc in range(12)] for scale in (MAJOR, MINOR) for tonic in range(12)])


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    classes = score.notes["pitch"] % 12
    return {
        "in_key_share": in_key_share(classes),
        "local_key_share": local_key_share(classes),
        "dissonance_share": dissonance_share(score),
    }


def in_key_share(classes: NDArray[np.integer]) -> float:
    """`classes`: the pitch class of each note."""
    return float((KEYS @ np.bincount(classes, minlength=12)).max() / classes.size) if classes.size else 0.0


def local_key_share(classes: NDArray[np.integer]) -> float:
    """As `in_key_share` if there are fewer than two stretches."""
    if classes.size < 2 * LOCAL_NOTES:
        return in_key_share(classes)
    counts = np.cumsum(np.eye(12, dtype=np.int64)[classes], axis=0)
    counts = np.concatenate([np.zeros((1, 12), np.int64), counts])
    starts = np.arange(0, classes.size - LOCAL_NOTES + 1, LOCAL_NOTES // 2)
    stretches = counts[starts + LOCAL_NOTES] - counts[starts]  # (n, 12)
    return float((stretches @ KEYS.T).max(axis=1).mean() / LOCAL_NOTES)


def dissonance_share(score: Score) -> float:
    """Each moment at which a note begins counts once, with all that sounds then."""
    sounding = sounding_classes(score)  # (n_moments, 12)
    distinct = sounding.sum(axis=1)
    pairs = float((distinct * (distinct - 1) / 2).sum())
    if pairs < MIN_PAIRS:
        return 0.0
    clashing = sum(
        float((sounding & np.roll(sounding, -interval, axis=1)).sum()) / (2 if interval == 6 else 1)
        for interval in DISSONANT
        if interval <= 6  # the shorter way round
    )
    return clashing / pairs


def sounding_classes(score: Score) -> NDArray[np.bool_]:
    """Which pitch classes sound when notes begin, shape (n_moments, 12)."""
    classes = np.eye(12)[score.notes["pitch"] % 12]
    return np.asarray(sounding_sum(score, np.ones(score.num_notes, bool), classes) > 0.5)
