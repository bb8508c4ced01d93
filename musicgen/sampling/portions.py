"""Chooses how many steps to run per call of a compiled loop.

A call costs some milliseconds whatever it does (the weights are laid out again), so a few large ones are fastest; but
only between calls can a cancel take effect and progress be shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

FIRST = 16
CALL_SECONDS = 0.25


def in_portions(total: int, most: int, work: Callable[[slice], None]) -> Iterator[slice]:
    """Work through 0 … total and yield each portion once it is done: small ones until the pace is known, then as
    much as takes a quarter of a second.

    Args:
        most: the maximum number of steps per call.
    """
    done, count, is_compiled = 0, min(FIRST, most), False
    while done < total:
        portion = slice(done, min(done + count, total))
        began = time.monotonic()
        work(portion)
        if is_compiled:  # the first call compiles, whatever its size
            pace = (portion.stop - done) / max(time.monotonic() - began, 1e-6)
            count = min(max(int(pace * CALL_SECONDS), 1), most)
        done, is_compiled = portion.stop, True
        yield portion
