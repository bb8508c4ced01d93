"""Measures the speed of generation without compiling, which happens once, whatever the length."""

from __future__ import annotations

import time


class Pace:
    """Called now and then with the amount done. The first call includes compiling and is not counted if there are
    more."""

    def __init__(self) -> None:
        self.began = self._first_at = self._last_at = time.monotonic()
        self._first = self._last = 0

    def note(self, done: int) -> None:
        """`done` units are finished."""
        self._last, self._last_at = done, time.monotonic()
        if not self._first:
            self._first, self._first_at = self._last, self._last_at

    @property
    def per_second(self) -> float:
        """Units a second after the first call; over everything if there was only one call."""
        if self._last > self._first:
            return (self._last - self._first) / max(self._last_at - self._first_at, 1e-9)
        return self._last / max(self._last_at - self.began, 1e-9)

    def facts(self, n_pieces: int = 1) -> dict[str, float]:
        """For the sidecar: steps a second of `n_pieces` made together, and the total seconds."""
        return {
            "steps_per_second": round(self.per_second * n_pieces, 1),
            "seconds_to_make": round(self._last_at - self.began, 3),
        }
