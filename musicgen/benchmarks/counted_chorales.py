"""What followed in the songs, counted: a prediction of each note of four voices, without a network.

Every count is in intervals, so that a song counts in all keys. Contexts grow from the place in the beat to the chord
before, what is decided of this step, and the tune of the last bars; where a longer one was seen, it weighs more than
the shorter ones (Chen and Goodman, An empirical study of smoothing techniques for language modeling, 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.examples import GridSong

ORDER = (0, 3, 2, 1)  # in which the voices of a step are decided: the top, the bottom, then upwards
NOTHING, RESTS = 127, 126  # in place of an interval
TUNE = (8, 16, 24, 32, 48, 64)  # steps of the tune that contexts remember
DISCOUNT = 0.8  # of every kind of continuation that a context was seen with
TRUST = 4.0  # counts that a shorter context is worth

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Counted:
    """Counts of one context length for one voice: sorted hashes of contexts, and for each where its continuations
    begin; the continuations (intervals) and how often each was seen."""

    contexts: Hashes
    begins: NDArray[np.int64]
    intervals: NDArray[np.int64]
    counts: NDArray[np.float64]


class CountedChorales:
    """Counts of training songs; `log_probabilities` of another song."""

    def __init__(self, songs: Sequence[GridSong]) -> None:
        self.values = songs[0].values
        self.tables: dict[int, list[Counted]] = {}
        for voice in ORDER:
            told = [contexts(song, voice) for song in songs]
            chosen = np.concatenate([_interval(song.ids[:, voice], reference(song, voice)) for song in songs])
            self.tables[voice] = [_counted(np.concatenate(each), chosen) for each in zip(*told, strict=True)]

    def log_probabilities(self, song: GridSong) -> NDArray[np.float64]:
        """Of every value of each note from those before it: (steps, voices, values)."""
        return np.log(np.stack([self._of_voice(song, voice) for voice in range(song.ids.shape[1])], axis=1))

    def _of_voice(self, song: GridSong, voice: int) -> NDArray[np.float64]:
        """(steps, values)."""
        before = reference(song, voice)
        said = np.full((len(song), self.values), 1.0 / self.values)
        for table, told in zip(self.tables[voice], contexts(song, voice), strict=True):
            place = np.minimum(np.searchsorted(table.contexts, told), len(table.contexts) - 1)
            steps = np.flatnonzero(table.contexts[place] == told)
            place = place[steps]
            first, count = table.begins[place], table.begins[place + 1] - table.begins[place]
            rows = np.repeat(steps, count)
            cells = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
            interval = table.intervals[cells]
            value = np.where(interval == RESTS, 0, before[rows] + interval)
            inside = (value >= 0) & (value < self.values) & ((value > 0) | (interval == RESTS))
            seen = np.zeros_like(said)
            kept = np.maximum(table.counts[cells] - DISCOUNT, 0.0)
            np.add.at(seen, (rows[inside], value[inside]), kept[inside])
            total = np.zeros(len(song))
            np.add.at(total, rows, table.counts[cells])
            left = total + TRUST - seen.sum(axis=1)
            said = (seen + left[:, None] * said) / (total + TRUST)[:, None]
        return said


def reference(song: GridSong, voice: int) -> NDArray[np.int64]:
    """The last pitch that the voice sang before each step; before it sang, that of the middle of all."""
    line = song.ids[:, voice].astype(np.int64)
    sung = np.where(line > 0, np.arange(len(line)), -1)
    latest = np.concatenate([[-1], np.maximum.accumulate(sung)[:-1]])
    return np.where(latest >= 0, line[np.maximum(latest, 0)], song.values // 2)


def contexts(song: GridSong, voice: int) -> list[Hashes]:
    """Hashes of what is known before the voice's note at each step, from the shortest context to the longest."""
    ids, steps = song.ids.astype(np.int64), np.arange(len(song))
    own = reference(song, voice)
    decided = ORDER[: ORDER.index(voice)]
    previous = np.concatenate([np.zeros((1, ids.shape[1]), dtype=np.int64), ids[:-1]])
    held = np.concatenate([[0], song.held[:-1, voice]])
    place = np.full(len(song), voice) + 4 * ((song.start + steps) % song.beat)
    now = [_interval(ids[:, other], own) for other in decided]
    moved = [(ids[:, other] != previous[:, other]).astype(np.int64) for other in decided]
    chord = [_interval(previous[:, other], own) for other in range(ids.shape[1])]
    last_move = own - _reference_before(song, voice)
    found = [[place], [place, held], [place, held, last_move], [place, *now, *moved]]
    found += [[place, *now, *moved, held], [place, *now, *moved, held, *chord]]
    hashed = [_hash(each) for each in found]
    wide = _hash([place, *now, *moved, previous[:, voice] == 0])
    tune = ids[:, 0]
    # All voices but the top one know the tune as far as this step.
    windows = [_window(tune, own, length, 0 if voice else 1) for length in TUNE]
    hashed += [_hash([wide.astype(np.int64), window]) for window in windows]
    return hashed


def _reference_before(song: GridSong, voice: int) -> NDArray[np.int64]:
    """The pitch before the last one that the voice moved from."""
    own = reference(song, voice)
    changes = np.concatenate([[False], own[1:] != own[:-1]])
    at = np.where(changes, np.arange(len(own)), 0)
    latest = np.maximum.accumulate(at)
    return own[np.maximum(latest - 1, 0)]


def _window(line: NDArray[np.int64], own: NDArray[np.int64], length: int, back: int) -> NDArray[np.int64]:
    """Hash of the line's last `length` steps, ending `back` steps before each, as intervals from `own`."""
    padded = np.concatenate([np.full(length + back - 1, -1), line])
    views = np.lib.stride_tricks.sliding_window_view(padded, length)[: len(line)]
    return _hash(list(np.where(views < 0, NOTHING, np.where(views == 0, RESTS, views - own[:, None])).T)).astype(
        np.int64
    )


def _interval(ids: NDArray[np.integer], own: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(ids == 0, RESTS, ids - own)


def _hash(columns: Sequence[NDArray[np.generic]]) -> Hashes:
    mixed = np.full(len(columns[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in columns:
        mixed = (mixed ^ column.astype(np.int64).view(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _counted(told: Hashes, chosen: NDArray[np.int64]) -> Counted:
    order = np.lexsort((chosen, told))
    told, chosen = told[order], chosen[order]
    is_new = np.concatenate([[True], (told[1:] != told[:-1]) | (chosen[1:] != chosen[:-1])])
    at = np.flatnonzero(is_new)
    counts = np.diff(np.append(at, len(told))).astype(np.float64)
    pairs, intervals = told[at], chosen[at]
    firsts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
    return Counted(pairs[firsts], np.append(firsts, len(pairs)), intervals, counts)
