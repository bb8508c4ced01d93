"""How much to ask of a compiled loop at once.

A call costs some milliseconds whatever it does (the weights are laid out anew), so few large ones are fastest; but
between two calls is where a cancel is heard, and where what is there is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

FIRST = 16
CALL_SECONDS = 0.25


def in_portions(total: int, most: int, work: Callable[[slice], None]) -> Iterator[slice]:
    """Work through 0 … total, and yield each portion once it is done: small ones while the pace is not known, then as
    much as takes a quarter of a second.

    Args:
        most: steps that one call can take.
    """
    done, count, is_compiled = 0, min(FIRST, most), False
    while done < total:
        portion = slice(done, min(done + count, total))
        began = time.monotonic()
        work(portion)
        if is_compiled:  # the first call compiles, whatever it is asked for
            pace = (portion.stop - done) / max(time.monotonic() - began, 1e-6)
            count = min(max(int(pace * CALL_SECONDS), 1), most)
        done, is_compiled = portion.stop, True
        yield portion
