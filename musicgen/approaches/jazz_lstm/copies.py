"""How much of a melody also occurs in others, in any key: eight notes in a row with the same intervals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

PASSAGE = 8  # notes


def copied_share(known: Sequence[Sequence[int]], melody: Sequence[int]) -> float:
    """Share of the passages of `melody` (pitch numbers) that occur in one of the known melodies; 0 if it is shorter."""
    passages = _passages(melody)
    there = {passage for line in known for passage in _passages(line)}
    return sum(passage in there for passage in passages) / len(passages) if passages else 0.0


def longest_run(melody: Sequence[int]) -> int:
    """The longest run of one pitch."""
    return max((len(list(run)) for _, run in groupby(melody)), default=0)


def _passages(melody: Sequence[int]) -> list[tuple[int, ...]]:
    steps = [after - before for before, after in pairwise(melody)]
    return [tuple(steps[start : start + PASSAGE - 1]) for start in range(len(steps) - PASSAGE + 2)]
