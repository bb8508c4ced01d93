"""How fast something is being made, compiling left out: it happens once, whatever the length."""

from __future__ import annotations

import time


class Pace:
    """Told how much is done, now and then. The first thing done includes compiling and is not counted, if there is
    more."""

    def __init__(self) -> None:
        self.began = self._first_at = self._last_at = time.monotonic()
        self._first = self._last = 0

    def note(self, done: int) -> None:
        """`done` units are made by now."""
        self._last, self._last_at = done, time.monotonic()
        if not self._first:
            self._first, self._first_at = self._last, self._last_at

    @property
    def per_second(self) -> float:
        """Units a second once it runs; of all of it where nothing came after the first call."""
        if self._last > self._first:
            return (self._last - self._first) / max(self._last_at - self._first_at, 1e-9)
        return self._last / max(self._last_at - self.began, 1e-9)

    def facts(self, n_pieces: int = 1) -> dict[str, float]:
        """For the sidecar: steps a second of `n_pieces` made together, and the seconds that it took in all."""
        return {
            "steps_per_second": round(self.per_second * n_pieces, 1),
            "seconds_to_make": round(self._last_at - self.began, 3),
        }
