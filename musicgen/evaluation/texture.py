"""Whether a score goes on: how long nothing new begins, and whether voices fall silent. NumPy only.

Conventions
    As in `tonality`.

Metrics
    longest_still     the most beats (quarter notes) from one moment at which notes begin to the next, or to the end
    thinnest_share    how many notes sound at once in the thinnest quarter of the piece, over how many do on average in
                      all of it, 0 … 1; pauses count as none. The first quarter is left out: voices may enter one by one
    fewest_tracks_share  share of the tracks that have a note in the quarter of the piece in which the fewest do, 0 … 1;
                      the first quarter and tracks of a few notes are left out
    longest_vamp      the most moments in a row at which no more than `VAMP` different notes or chords begin
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import events_of, first_notes, together
from musicgen.symbolic.score import Score

MAX_NOTES = 4_000
PART = 4  # the thinnest part is one of so many, wherever it begins
PLACES = 64  # at which it may begin
MIN_TRACK = 8  # notes
VAMP = 3


def describe(score: Score) -> dict[str, float]:
    """All metrics of one score."""
    score = first_notes(score, MAX_NOTES)
    return {
        "longest_still": longest_still(score),
        "thinnest_share": thinnest_share(score),
        "fewest_tracks_share": fewest_tracks_share(score),
        "longest_vamp": longest_vamp(score),
    }


def longest_still(score: Score) -> float:
    """In beats; 0 for an empty score."""
    if not score.num_notes:
        return 0.0
    moments = np.append(together(score), _ends(score).max())
    return float(np.diff(moments).max(initial=0) / score.ticks_per_beat)


def thinnest_share(score: Score) -> float:
    """1: as many notes sound everywhere. 0 for an empty score."""
    if not score.num_notes:
        return 0.0
    begins, ends = np.sort(score.notes["onset_ticks"].astype(np.int64)), np.sort(_ends(score))
    starts, length = _parts(score)
    ticks = int(ends[-1] - begins[0])
    sounded = _sounded(begins, ends, starts + length) - _sounded(begins, ends, starts)
    whole = int((ends - begins).sum())
    return float(min((sounded.min() / length) / (whole / ticks), 1.0)) if whole > 0 else 0.0


def fewest_tracks_share(score: Score) -> float:
    """1: every track plays everywhere. 0 for an empty score."""
    starts, length = _parts(score)
    counts = np.zeros(starts.size)
    tracks = [inside for number in np.unique(score.notes["track"]) if (inside := score.notes["track"] == number).any()]
    tracks = [inside for inside in tracks if inside.sum() >= MIN_TRACK] or tracks
    for inside in tracks:
        begins, ends = score.notes["onset_ticks"][inside].astype(np.int64), _ends(score)[inside]
        sounding = (begins[:, None] < starts + length) & (ends[:, None] > starts)
        counts += sounding.any(axis=0)
    return float(counts.min() / len(tracks)) if tracks else 0.0


def longest_vamp(score: Score) -> int:
    """Of all tracks together; 0 for an empty score."""
    events = events_of(score)[0]
    counts: Counter[int] = Counter()
    first = longest = 0
    for last, event in enumerate(events):
        counts[event] += 1
        while len(counts) > VAMP:
            counts[events[first]] -= 1
            if not counts[events[first]]:
                del counts[events[first]]
            first += 1
        longest = max(longest, last - first + 1)
    return longest


def _parts(score: Score) -> tuple[NDArray[np.int64], int]:
    """(where parts of a piece begin, how long they are), in ticks, without the first part; none of an empty score."""
    if not score.num_notes:
        return np.zeros(0, np.int64), 1
    begin = int(score.notes["onset_ticks"].min())
    ticks = int(_ends(score).max()) - begin
    length = max(1, ticks // PART)
    return begin + np.linspace(length, max(length, ticks - length), PLACES).astype(np.int64), length


def _sounded(begins: NDArray[np.int64], ends: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long all notes together have sounded until these ticks: the time since they began, less that since they
    ended."""
    return _past(begins, until) - _past(ends, until)


def _past(ticks: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of the times that have passed since those of the sorted `ticks` that are earlier."""
    count = np.searchsorted(ticks, until)
    return np.asarray(count * until - np.concatenate([[0], np.cumsum(ticks)])[count])


def _ends(score: Score) -> NDArray[np.int64]:
    return score.notes["onset_ticks"].astype(np.int64) + score.notes["duration_ticks"]
