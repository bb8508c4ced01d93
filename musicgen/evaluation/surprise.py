"""How surprising each note of a melody is, in bits: of its interval and of its rhythm, given the two notes before.

Counted in the songs at hand, so that what all of them do (scales, repeated notes, even rhythms) says little; with few
songs, in what is usual (D. Conklin and I. Witten, Multiple viewpoint systems for music prediction, 1995).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.melodic_lines import MelodicLines

MAX_INTERVAL = 24
MAX_BITS = 6.0
MAX_RHYTHM_BITS = 2.5

# How often melodies move by so many semitones, up or down together, in songs of many kinds; rounded. It counts where
# the scores themselves are short.
USUAL = {0: 0.18, 1: 0.18, 2: 0.30, 3: 0.11, 4: 0.07, 5: 0.07, 7: 0.035, 12: 0.015}
UNUSUAL = 0.004
FOLLOWED = 1_000  # in a count: any symbol
PRIOR_NOTES = (20.0, 8.0, 8.0)  # how many notes a shorter context weighs: none, one interval, two intervals


@dataclass(frozen=True)
class Surprise:
    """Bits of each interval and each rhythm, counted in some scores."""

    intervals: Counter[tuple[int, ...]]
    rhythms: Counter[tuple[int, ...]]

    def of(self, lines: MelodicLines) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(bits of the interval that leads to each note, bits of its rhythm), shapes (n,)."""
        steps, ratios = _steps(lines), _ratios(lines)
        return (
            _bits(self.intervals, steps, _usual, MAX_BITS),
            _bits(self.rhythms, ratios, lambda ratio: 0.5 ** (1 + abs(ratio)), MAX_RHYTHM_BITS),
        )


def surprise_of(scores: Sequence[MelodicLines]) -> Surprise:
    """Counted in the lines of these scores."""
    intervals: Counter[tuple[int, ...]] = Counter()
    rhythms: Counter[tuple[int, ...]] = Counter()
    for lines in scores:
        _count(intervals, _steps(lines), lines.is_first)
        _count(rhythms, _ratios(lines), lines.is_first)
    return Surprise(intervals, rhythms)


def _steps(lines: MelodicLines) -> NDArray[np.int64]:
    """The interval that leads to each note; MAX_INTERVAL + 1 at the start of a line."""
    steps = np.clip(np.diff(lines.pitch, prepend=0), -MAX_INTERVAL, MAX_INTERVAL)
    return np.where(np.diff(lines.line, prepend=-1) != 0, MAX_INTERVAL + 1, steps)


def _ratios(lines: MelodicLines) -> NDArray[np.int64]:
    """How much longer the time before each note is than that before the last one, in half octaves: log2 × 2."""
    gaps = np.maximum(np.diff(lines.onset, prepend=0.0), 1e-3)
    ratios = np.rint(2 * np.log2(gaps / np.concatenate([gaps[:1], gaps[:-1]]))).astype(np.int64)
    return np.clip(ratios, -8, 8)


def _usual(step: int) -> float:
    share = USUAL.get(abs(step), UNUSUAL)
    return share if step == 0 else share / 2


def _count(counts: Counter[tuple[int, ...]], symbols: NDArray[np.int64], is_first: NDArray[np.bool_]) -> None:
    """Counts each note once, with no, one and two symbols before it; and how often something follows those."""
    listed = symbols.tolist()
    for index in np.flatnonzero(is_first).tolist():
        for length in range(min(index, 2) + 1):
            before = tuple(listed[index - length : index])
            counts[(*before, listed[index])] += 1
            counts[(*before, FOLLOWED)] += 1


def _bits(
    counts: Counter[tuple[int, ...]], symbols: NDArray[np.int64], prior: Callable[[int], float], most: float
) -> NDArray[np.float64]:
    """-log2 of the probability of each symbol after the two before it, with shorter contexts for rare ones."""
    listed = symbols.tolist()
    known: dict[tuple[int, ...], float] = {}
    bits = np.empty(len(listed))
    for index, symbol in enumerate(listed):
        context = tuple(listed[max(index - 2, 0) : index])
        key = (*context, symbol)
        if key not in known:
            known[key] = min(-np.log2(_probability(counts, context, symbol, prior)), most)
        bits[index] = known[key]
    return bits


def _probability(
    counts: Counter[tuple[int, ...]], context: tuple[int, ...], symbol: int, prior: Callable[[int], float]
) -> float:
    """Without the note in question, which would otherwise vouch for itself."""
    share = prior(symbol)
    for length, weight in zip(range(len(context) + 1), PRIOR_NOTES, strict=False):
        before = context[len(context) - length :]
        there, followed = counts[(*before, symbol)], counts[(*before, FOLLOWED)]
        share = (max(there - 1, 0) + weight * share) / (max(followed - 1, 0) + weight)
    return float(share)
