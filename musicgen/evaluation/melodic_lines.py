"""A score as melodic lines: one note after the other, so that passages can be compared note by note.

Each track, and all tracks together, are read along their highest and along their lowest notes. A note is in the
highest line if nothing higher sounds when it begins (the skyline; A. Uitdenbogerd and J. Zobel, Manipulation of music
for melody matching, 1998). Notes of drums are left out unless there is nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import TOGETHER_BEATS, pitched
from musicgen.symbolic.score import Score

RING_SHARE = 0.1  # a note that overlaps the next by less than this share of its length has ended by then


@dataclass(frozen=True)
class MelodicLines:
    """All lines of a score, one after the other.

    Attributes, one entry per note of a line, shape (n,):
        note: its index among the `num_notes` notes of the score. line: which line it belongs to.
        onset, offset: seconds. pitch: MIDI number.
        is_first: False where the note is in an earlier line, too.
    """

    note: NDArray[np.int64]
    line: NDArray[np.int64]
    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    pitch: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    num_notes: int = 0


def melodic_lines(score: Score) -> MelodicLines:
    """The lines of a score; equal lines once."""
    score = pitched(score)
    onset, offset = score.onset, score.offset
    used = np.unique(score.notes["track"])
    parts = [np.flatnonzero(score.notes["track"] == track) for track in used]
    parts += [np.arange(score.num_notes)] if len(parts) > 1 else []
    together = _chords(score)
    lines: dict[bytes, NDArray[np.int64]] = {}
    for part in parts:
        for sign in (1, -1):
            line = _skyline(part, together, onset, offset, sign * score.notes["pitch"].astype(np.int64))
            lines.setdefault(line.tobytes(), line)
    found = list(lines.values()) or [np.zeros(0, np.int64)]
    note = np.concatenate(found)
    number = np.repeat(np.arange(len(found)), [line.size for line in found])
    pitch = score.notes["pitch"][note].astype(np.int64)
    is_first = np.zeros(note.size, bool)
    is_first[np.unique(note, return_index=True)[1]] = True
    return MelodicLines(note, number, onset[note], offset[note], pitch, is_first, score.num_notes)


def outer_lines(score: Score) -> list[NDArray[np.int64]]:
    """The pitches of the highest and of the lowest line of all tracks together; once if they are the same."""
    score = pitched(score)
    if not score.num_notes:
        return []
    together, everything, pitch = _chords(score), np.arange(score.num_notes), score.notes["pitch"].astype(np.int64)
    high, low = (_skyline(everything, together, score.onset, score.offset, sign * pitch) for sign in (1, -1))
    return [pitch[high]] if np.array_equal(high, low) else [pitch[high], pitch[low]]


def track_tops(score: Score) -> list[NDArray[np.int64]]:
    """The highest pitch of each chord of each track, in time order."""
    score = pitched(score)
    together, track, pitch = _chords(score), score.notes["track"], score.notes["pitch"].astype(np.int64)
    found = []
    for number in np.unique(track):
        inside = np.flatnonzero(track == number)
        order = inside[np.lexsort((-pitch[inside], together[inside]))]
        found.append(pitch[order[np.flatnonzero(np.diff(together[order], prepend=-1))]])
    return found


def _chords(score: Score) -> NDArray[np.int64]:
    """The number of the chord that each note belongs to: notes that begin within a sixty-fourth note of its first."""
    tolerance, first, number, found = score.ticks_per_beat * TOGETHER_BEATS, -np.inf, -1, []
    for tick in score.notes["onset_ticks"].tolist():
        if tick - first > tolerance:
            first, number = tick, number + 1
        found.append(number)
    return np.array(found, np.int64)


def _skyline(
    part: NDArray[np.int64],
    together: NDArray[np.int64],
    onset: NDArray[np.float64],
    offset: NDArray[np.float64],
    height: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The notes of `part` that are higher than all that sound with them, as indices."""
    line: list[int] = []
    sounding: list[tuple[int, float]] = []  # (height, end)
    order = part[np.lexsort((-height[part], together[part]))]
    first = np.flatnonzero(np.diff(together[order], prepend=-1))
    for index in order[first].tolist():
        begins, length = onset[index], offset[index] - onset[index]
        sounding = [each for each in sounding if each[1] > begins + 1e-9]
        if not any(other > height[index] for other, _ in sounding):
            line.append(index)
        sounding.append((int(height[index]), offset[index] - RING_SHARE * length))
    return np.array(line, np.int64)
