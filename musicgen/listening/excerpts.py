"""Where excerpts begin. Arithmetic only: positions are seconds or beats, and what sounds there is not known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Excerpt = TypeVar("Excerpt")

SHUFFLES = 200  # tries to pair the excerpts so that no round has the same moment on both sides


@dataclass(frozen=True)
class Ground:
    """Where excerpts of one piece may lie.

    Attributes:
        first, last: an excerpt begins at or after `first` and ends at or before `last`. length: of an excerpt.
        snap: the next position, at or after a given one, where an excerpt may begin; None if there is none.
        is_audible: whether enough is heard in the excerpt that begins at a position.
    """

    first: float
    last: float
    length: float
    snap: Callable[[float], float | None]
    is_audible: Callable[[float], bool]

    @property
    def room(self) -> float:
        return self.last - self.first


@dataclass(frozen=True)
class Choice:
    """One excerpt: `number` of the piece, and where it begins in it."""

    number: int
    start: float


@dataclass(frozen=True)
class Choices:
    """`n` excerpts in random order. `shared`: whether some overlap, because there was too little music."""

    excerpts: tuple[Choice, ...]
    shared: bool


def choose_excerpts(grounds: Sequence[Ground], n: int, rng: np.random.Generator) -> Choices | None:
    """Excerpts that do not overlap, from as many of the pieces as possible; overlapping ones if there are too few.

    Returns None if no excerpt fits anywhere."""
    offered = [_apart(number, ground, n, rng) for number, ground in enumerate(grounds)]
    in_turn = _one_of_each_in_turn(offered, rng)
    if len(in_turn) >= n:
        return Choices(_shuffled(in_turn[:n], rng), False)
    crowded = [choice for number, ground in enumerate(grounds) for choice in _crowded(number, ground, n)]
    if not crowded:
        return None
    return Choices(_shuffled(_spread(crowded, n), rng), True)


def _shuffled(choices: Sequence[Choice], rng: np.random.Generator) -> tuple[Choice, ...]:
    return tuple(choices[index] for index in rng.permutation(len(choices)))


def _apart(number: int, ground: Ground, n: int, rng: np.random.Generator) -> list[Choice]:
    """Excerpts one after another, with random gaps as far as there is room for them."""
    packed = _walk(number, ground, np.zeros(0))
    slack = ground.room - len(packed) * ground.length
    gaps = rng.uniform(0.0, 1.0, len(packed)) * max(slack, 0.0) / max(len(packed), 1)
    loose = _walk(number, ground, gaps)
    found = loose if len(loose) >= min(n, len(packed)) else packed
    return list(_shuffled(found, rng))


def _walk(number: int, ground: Ground, gaps: NDArray[np.float64]) -> list[Choice]:
    found: list[Choice] = []
    position = ground.first
    tried = 0
    while True:
        start = ground.snap(position + (gaps[tried] if tried < gaps.size else 0.0))
        if start is None or start + ground.length > ground.last + 1e-9:
            return found
        if ground.is_audible(start):
            found.append(Choice(number, start))
        position, tried = start + ground.length, tried + 1


def _one_of_each_in_turn(offered: Sequence[Sequence[Choice]], rng: np.random.Generator) -> list[Choice]:
    """First one excerpt of each piece, then a second of each …"""
    order = rng.permutation(len(offered))
    longest = max((len(each) for each in offered), default=0)
    return [offered[piece][turn] for turn in range(longest) for piece in order if turn < len(offered[piece])]


def _crowded(number: int, ground: Ground, n: int) -> list[Choice]:
    """Excerpts at `n` even steps, which overlap."""
    if ground.room < ground.length - 1e-9:
        return []
    starts = {ground.snap(float(start)) for start in np.linspace(ground.first, ground.last - ground.length, max(n, 2))}
    return [
        Choice(number, start)
        for start in sorted(start for start in starts if start is not None)
        if start + ground.length <= ground.last + 1e-9 and ground.is_audible(start)
    ]


def _spread(crowded: Sequence[Choice], n: int) -> list[Choice]:
    """`n` of them, as evenly as possible; the same again only if there are fewer."""
    if len(crowded) >= n:
        return [crowded[round(index)] for index in np.linspace(0, len(crowded) - 1, n)]
    return [crowded[index % len(crowded)] for index in range(n)]


def pair_up(
    one: Sequence[Excerpt],
    other: Sequence[Excerpt],
    is_same_moment: Callable[[Excerpt, Excerpt], bool],
    rng: np.random.Generator,
) -> list[tuple[Excerpt, Excerpt]]:
    """Pairs for the rounds, with the same moment of one song on both sides as rarely as possible."""
    best, fewest = list(zip(one, other, strict=True)), len(one) + 1
    for _ in range(SHUFFLES):
        order = rng.permutation(len(other))
        pairs = [(each, other[index]) for each, index in zip(one, order, strict=True)]
        clashes = sum(is_same_moment(*pair) for pair in pairs)
        if clashes < fewest:
            best, fewest = pairs, clashes
        if not fewest:
            break
    return best
