"""When a training may make its next short piece: all of them together take at most a twentieth of its time.

The first piece compiles the loops that make music, which takes seconds. It may come as soon as a twentieth of the time
that the whole training is expected to take covers it. What it took is then paid back: what is left of the budget is
spread over the training, so that the twentieth is kept at its end. Arithmetic only: knows no pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SHARE = 0.05  # of the time that the training takes without pieces
BETWEEN = 30.0  # seconds of training from one piece to the next …
PARTS = 6  # … or this part of a training, if it is shorter
FIRST_SECONDS, NEXT_SECONDS = 6.0, 0.5  # of a piece, before any was made on this machine


@dataclass(frozen=True)
class PieceSeconds:
    """What a piece takes: the first one, which compiles, and the others."""

    first: float = FIRST_SECONDS
    next: float = NEXT_SECONDS

    def once_compiled(self) -> PieceSeconds:
        """Where the loops that make music are compiled already."""
        return PieceSeconds(self.next, self.next)


class LapseBudget:
    """Counts the seconds of a training from now on, and those that are spent on pieces.

    Args:
        expected: what pieces took before, on this machine.
    """

    def __init__(self, expected: PieceSeconds, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began = clock, clock()
        self.expected = expected
        self.spent = 0.0
        self.took: list[float] = []  # each piece of this process
        self._trained_at_last = 0.0

    @property
    def trained(self) -> float:
        """Seconds without those for pieces."""
        return self._clock() - self._began - self.spent

    def may_begin(self, seconds_left: float | None) -> bool:
        """Whether the next piece fits. `seconds_left`: of training, as far as it can be told."""
        trained = self.trained
        whole = trained + (seconds_left or 0.0)
        if not self.took:
            return self.expected.first <= SHARE * whole
        if trained - self._trained_at_last < min(BETWEEN, whole / PARTS):
            return False
        next_one = self.took[-1] if len(self.took) > 1 else self.expected.next
        return self.spent + next_one <= self._allowed(trained, whole)

    def _allowed(self, trained: float, whole: float) -> float:
        """Seconds for pieces after `trained` of `whole` seconds."""
        first = min(self.took[0], SHARE * whole)
        return first + (SHARE * whole - first) * trained / whole if whole > 0 else 0.0

    @contextmanager
    def spending(self) -> Iterator[None]:
        """What happens inside counts as a piece, also if it fails."""
        began, trained = self._clock(), self.trained
        try:
            yield
        finally:
            self.took.append(self._clock() - began)
            self.spent += self.took[-1]
            self._trained_at_last = trained
