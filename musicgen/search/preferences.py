"""Which trials are liked, from pairs that were compared by ear. Arithmetic only: knows no record and no sound.

Every trial has a liking. Of a pair, the one with the higher liking is found better with a probability that is the
logistic function of the difference (Bradley and Terry, Rank analysis of incomplete block designs, 1952). The likings
are the most probable ones; each has a normal prior around 0 with a spread of 1, so that few comparisons say little.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

ONE, OTHER, SAME = "one", "other", "same"
SHARES = {ONE: 1.0, OTHER: 0.0, SAME: 0.5}  # what a comparison counts for the one
ROUNDS, CLOSE = 2_000, 1e-9
MOST_UNHEARD = 3  # pieces that wait to be compared, before the search waits too


@dataclass(frozen=True)
class Judgement:
    """Of two trials, by number, which sounds better: ONE, OTHER or SAME."""

    one: int
    other: int
    better: str


def likings(judgements: Sequence[Judgement]) -> dict[int, float]:
    """Trial → liking, of those that were compared; 0 is as much as the average."""
    count = Counter(number for each in judgements for number in (each.one, each.other))
    liked = dict.fromkeys(sorted(count), 0.0)
    for _ in range(ROUNDS):
        slope = {number: -value for number, value in liked.items()}
        for each in judgements:
            missed = SHARES[each.better] - 1 / (1 + math.exp(liked[each.other] - liked[each.one]))
            slope[each.one] += missed
            slope[each.other] -= missed
        # The curvature of each is at most this, with that of its neighbours: the steps cannot overshoot.
        steps = {number: slope[number] / (1 + count[number] / 2) for number in liked}
        liked = {number: value + steps[number] for number, value in liked.items()}
        if max(map(abs, steps.values()), default=0.0) < CLOSE:
            break
    return liked


def unheard(pieces: Collection[int], judgements: Sequence[Judgement]) -> list[int]:
    """The trials with a piece that was never compared, in order."""
    heard = {number for each in judgements for number in (each.one, each.other)}
    return sorted(set(pieces) - heard)


def waits(pieces: Collection[int], judgements: Sequence[Judgement]) -> bool:
    """Whether more trials would be trained without knowing what is liked."""
    return len(unheard(pieces, judgements)) >= MOST_UNHEARD


def next_pair(pieces: Collection[int], judgements: Sequence[Judgement]) -> tuple[int, int] | None:
    """The two trials, the lower number first, whose comparison tells most: a new one and the best liked so far, or else
    two good ones of which nobody has said which is better. None if every pair was compared."""
    liked = likings(judgements)
    new = unheard(pieces, judgements)
    heard = sorted(set(pieces) - set(new), key=lambda number: -liked[number])
    if new and (heard or len(new) > 1):
        return _in_order(new[0], heard[0] if heard else new[1])
    done = {frozenset((each.one, each.other)) for each in judgements}
    left = [_in_order(*pair) for pair in combinations(heard, 2) if frozenset(pair) not in done]
    return max(left, key=lambda pair: _worth(liked[pair[0]], liked[pair[1]]), default=None)


def _in_order(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _worth(one: float, other: float) -> float:
    """Large for two that are liked, and of which neither is liked much more."""
    return (one + other) / 2 - abs(one - other)
