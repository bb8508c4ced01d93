"""Which voice sings which note: a track for each voice if the song has them, else by height at every onset."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.tokens import melodic_tracks
from musicgen.symbolic.score import Score

MIN_VOICES, MAX_VOICES = 2, 6
SINGLE = 0.9  # share of a track's notes that begin alone, if it is a voice
OFTEN = 0.9  # quantile of the notes that sound together: how many voices a song has
LEFT_OUT = -1  # the voice of a note that none can sing
CUT, CROSSED = 24.0, 12.0  # semitones that cutting a note short, or crossing another voice, counts for

Notes = NDArray[np.void]
Voices = NDArray[np.int64]


def sung_notes(score: Score, tracks: Sequence[int] | None) -> NDArray[np.int64]:
    """Numbers of the notes on the chosen tracks, without drums."""
    return np.flatnonzero(np.isin(score.notes["track"], melodic_tracks(score, tracks)))


def count_voices(score: Score, tracks: Sequence[int] | None) -> int:
    """How many voices the song has, 2 to 6: its tracks if each is a voice, else how many notes usually sound
    together."""
    notes = score.notes[sung_notes(score, tracks)]
    used = np.unique(notes["track"])
    if MIN_VOICES <= used.size <= MAX_VOICES and all(is_single(notes[notes["track"] == track]) for track in used):
        return int(used.size)
    ends = np.sort(notes["onset_ticks"] + notes["duration_ticks"])
    onsets = np.sort(notes["onset_ticks"])
    sounding = np.arange(1, notes.size + 1) - np.searchsorted(ends, onsets, side="right")
    most = int(np.quantile(sounding, OFTEN, method="inverted_cdf")) if notes.size else 1
    return min(max(most, 1), MAX_VOICES)


def is_single(notes: Notes) -> bool:
    """Whether nearly all notes begin alone, when the one before has ended."""
    if notes.size < 2:
        return True
    onsets = notes["onset_ticks"]
    return bool((np.diff(onsets) > 0).mean() >= SINGLE)


def assigned(score: Score, numbers: NDArray[np.int64], onsets: Voices, ends: Voices, n_voices: int) -> Voices:
    """The voice of each note, 0 for the highest; LEFT_OUT if more notes begin together than there are voices.

    Args:
        numbers: of the notes. onsets, ends: of these, in steps.
    """
    notes = score.notes[numbers]
    used = np.unique(notes["track"])
    # A single line is the tune.
    is_apart = used.size in (1, n_voices) and all(is_single(notes[notes["track"] == track]) for track in used)
    if is_apart:
        heights = [-float(notes["pitch"][notes["track"] == track].mean()) for track in used]
        rank = dict(zip(used[np.argsort(heights, kind="stable")].tolist(), range(n_voices), strict=False))
        return np.array([rank[track] for track in notes["track"].tolist()], dtype=np.int64)
    return _by_height(notes["pitch"].astype(np.int64), onsets, ends, n_voices)


def _by_height(pitches: Voices, onsets: Voices, ends: Voices, n_voices: int) -> Voices:
    voices = np.full(pitches.size, LEFT_OUT, dtype=np.int64)
    shares = (np.arange(n_voices) + 0.5) / n_voices
    near = np.quantile(pitches, 1 - shares).astype(float)  # the last pitch of each voice
    until = np.zeros(n_voices, dtype=np.int64)  # when its note ends
    order = np.lexsort((-pitches, onsets))
    for group in np.split(order, np.flatnonzero(np.diff(onsets[order])) + 1):
        kept = _outer(group, n_voices)
        chosen = min(
            combinations(range(n_voices), len(kept)),
            key=lambda choice: _effort(choice, pitches[kept], onsets[kept[0]], near, until),
        )
        voices[kept] = chosen
        near[list(chosen)], until[list(chosen)] = pitches[kept], ends[kept]
    return voices


def _outer(group: NDArray[np.int64], n_voices: int) -> NDArray[np.int64]:
    """Of the notes that begin together, from high to low, as many as there are voices: the highest and the lowest."""
    return group if group.size <= n_voices else np.concatenate([group[: n_voices - 1], group[-1:]])


def _effort(
    choice: Sequence[int], pitches: Voices, onset: int, near: NDArray[np.float64], until: NDArray[np.int64]
) -> float:
    """How unnatural it is that the voices of `choice` sing these pitches: leaps, notes cut short, crossed voices."""
    sounding = [voice for voice in range(near.size) if voice not in choice and until[voice] > onset]
    effort = float(np.abs(near[list(choice)] - pitches).sum()) + CUT * float((until[list(choice)] > onset).sum())
    for voice, pitch in zip(choice, pitches, strict=True):
        effort += CROSSED * sum((other < voice) != (near[other] > pitch) for other in sounding if near[other] != pitch)
    return effort
