"""How much of a generated score is copied, note by note, and from where.

Conventions
    A passage is a sequence of events (notes or chords; see `events`), measured in events. Every score is read as all
    its tracks together and as each track by itself; a passage never runs from one reading or song into another.
    `transposed`: the same intervals and chord shapes in any key; `exact`: the same pitches. Rhythm is not compared.
    An empty score copies nothing and offers nothing to copy: 0.

Metrics
    longest_copied_notes        the longest generated passage that occurs in the reference, transposed or not
    longest_copied_notes_exact  the same, at the same pitch
    copied_ngram_share          share of the generated eight-event passages that occur in the reference (transposed)
    copied_varied_share         the same of the passages that do more than repeat a note, which every song has; for
                                training songs only
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.note_events import events_of, lines_of, lowest_pitch
from musicgen.symbolic.score import Score

N_GRAM = 8
VARIED_STEPS = 3  # at least so many of a passage's seven steps lead to another event, or it is a repeated note
FEW_VARIED = 16  # varied passages: fewer, in a piece that has more passages, say as much as one of these each


@dataclass(frozen=True)
class Passage:
    """A passage found in a song: `num_events` long, at these seconds in the generated score and in song number
    `song`. `num_events` 0: nothing was found, `song` is -1."""

    num_events: int = 0
    song: int = -1
    generated_seconds: float = 0.0
    song_seconds: float = 0.0


def longest_copied_passage(songs: Sequence[Score], generated: Score, *, transposed: bool = True) -> Passage:
    """The longest passage of `generated` that occurs in any of the songs, and where.

    A single event has no intervals: it counts as found only at the same pitch.
    """
    table = _CopyTable(songs, generated, _steps if transposed else _events)
    extra = int(transposed)  # n steps from event to event make a passage of n + 1 events
    length, here, there = table.longest()
    if length:
        return Passage(length + extra, int(table.owner[there]), float(table.onset[here]), float(table.onset[there]))
    if transposed:
        return longest_copied_passage(songs, generated, transposed=False)
    return Passage()


def longest_copied_notes(reference: Score, generated: Score, *, transposed: bool = True) -> int:
    """Length in events of the longest generated passage that occurs in the reference."""
    return longest_copied_passage([reference], generated, transposed=transposed).num_events


def copied_ngram_share(songs: Sequence[Score] | Score, generated: Score, n: int = N_GRAM) -> float:
    """Share of the generated passages of `n` events that occur in one of the songs, in any key, 0 … 1.

    With several tracks, the larger share counts: of all tracks together, or of each track by itself.
    0.0 if the generated score has fewer than `n` events.
    """
    return copied_shares(songs, generated, n)[0]


def copied_shares(songs: Sequence[Score] | Score, generated: Score, n: int = N_GRAM) -> tuple[float, float]:
    """(copied_ngram_share, copied_varied_share). The second leaves out the passages that mostly repeat one event."""
    table = _CopyTable([songs] if isinstance(songs, Score) else songs, generated, _steps)
    names, moves = table.names(n - 1), table.moves(n - 1)
    known = np.unique(names[(table.owner >= 0) & (names >= 0)])
    is_known = np.isin(names, known)
    shares = []
    for reading in (table.owner == -1, table.owner < -1):  # all tracks together; track by track
        every = reading & (names >= 0)
        varied = every & (moves >= VARIED_STEPS)
        count, n_varied = int(every.sum()), int(varied.sum())
        least = max(n_varied, min(FEW_VARIED, count), 1)
        shares.append((is_known[every].sum() / max(count, 1), is_known[varied].sum() / least))
    return max(float(share) for share, _ in shares), max(float(share) for _, share in shares)


def evaluate(reference: Score, generated: Score) -> dict[str, float]:
    """All metrics of one reference."""
    return {
        "longest_copied_notes": longest_copied_notes(reference, generated),
        "longest_copied_notes_exact": longest_copied_notes(reference, generated, transposed=False),
        "copied_ngram_share": copied_ngram_share(reference, generated),
    }


def _events(events: list[int]) -> list[object]:
    return list(events)


def _steps(events: list[int]) -> list[object]:
    """Each event with the next: both chord shapes and the interval between their lowest pitches."""
    lows = [lowest_pitch(event) for event in events]
    shapes = [event >> low for event, low in zip(events, lows, strict=True)]
    moves = (after - before for before, after in pairwise(lows))
    return [(before, move, after) for (before, after), move in zip(pairwise(shapes), moves, strict=True)]


class _CopyTable:
    """All lines of all scores as one sequence of symbol numbers, searchable for passages of any length.

    Passages of one length are numbered so that only equal passages share a number: that of a long passage is derived
    from those of two shorter ones that cover it (Karp, Miller and Rosenberg, Rapid identification of repeated
    patterns, STOC 1972).

    Attributes, one entry per symbol:
        owner: number of the song; -1 generated, tracks together; -2, -3 … generated, track by track.
        left: symbols from here to the end of the line. onset: seconds. is_move: whether the symbol is a step from one
        event to another.
    """

    def __init__(self, songs: Sequence[Score], generated: Score, read: Callable[[list[int]], list[object]]) -> None:
        lines = [(-1 - number, line) for number, line in enumerate(lines_of(generated))]
        lines += [(number, line) for number, song in enumerate(songs) for line in lines_of(song)]
        known: dict[object, int] = {}
        symbols, owner, left, onset, is_move = [], [], [], [], []
        for number, line in lines:
            events, seconds = events_of(line)
            found = [known.setdefault(symbol, len(known)) for symbol in read(events)]
            symbols.append(np.array(found, dtype=np.int64))
            # As many as there are symbols: of single events, the last has none after it and counts as a move.
            is_move.append(np.array([after != before for before, after in pairwise([*events, 0])])[: len(found)])
            owner.append(np.full(len(found), number, dtype=np.int64))
            left.append(np.arange(len(found), 0, -1))
            onset.append(seconds[: len(found)])
        self._symbols = np.concatenate(symbols)
        self.owner, self.left, self.onset = np.concatenate(owner), np.concatenate(left), np.concatenate(onset)
        self.is_move = np.concatenate(is_move)

    def moves(self, length: int) -> NDArray[np.int64]:
        """How many of the `length` symbols from here on are steps to another event."""
        total = np.concatenate([[0], np.cumsum(self.is_move)])
        return total[np.minimum(np.arange(self.is_move.size) + length, self.is_move.size)] - total[:-1]

    def names(self, length: int) -> NDArray[np.int64]:
        """Number of the passage of `length` symbols that begins here; -1 if the line is too short."""
        names, reach = self._symbols, 1
        while reach < length:
            step = min(reach, length - reach)
            names, reach = self._joined(names, step), reach + step
        return np.where(self.left >= length, names, -1)

    def _joined(self, names: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """Numbers of passages longer by `step`: from the passage here and the one `step` symbols on."""
        later = np.concatenate([names[step:], np.full(min(step, names.size), -1)])
        return np.unique(names * (names.max(initial=0) + 2) + later + 1, return_inverse=True)[1]

    def longest(self) -> tuple[int, int, int]:
        """(length, place in the generated score, place in a song) of the longest common passage; (0, 0, 0): none."""
        best, names, reach = (0, 0, 0), self._symbols, 1
        while found := self._common(names, reach):
            best, below = (reach, *found), names
            names, reach = self._joined(names, reach), reach * 2
        if not best[0]:
            return best
        low, high = best[0], reach  # found at `low`, not at `high`
        while high - low > 1:
            middle = (low + high) // 2
            found = self._common(self._joined(below, middle - reach // 2), middle)
            if found:
                best, low = (middle, *found), middle
            else:
                high = middle
        return best

    def _common(self, names: NDArray[np.int64], length: int) -> tuple[int, int] | None:
        """First place in the generated score whose passage occurs in a song, with its place there."""
        fits = self.left >= length
        ours, theirs = np.flatnonzero(fits & (self.owner < 0)), np.flatnonzero(fits & (self.owner >= 0))
        shared = ours[np.isin(names[ours], names[theirs])]
        if not shared.size:
            return None
        here = int(shared[0])
        return here, int(theirs[np.argmax(names[theirs] == names[here])])
