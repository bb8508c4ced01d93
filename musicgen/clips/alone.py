"""One at a time: the work on a clip is done by one thread of one process, while the others wait for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musicgen.errors import ResourceUnavailable, sentence

try:
    import fcntl
except ImportError:  # Windows: two simultaneous requests both do the work, and the later one replaces the same result
    fcntl = None  # type: ignore[assignment]

POLL_SECONDS = 0.05


@contextmanager
def alone(path: Path, rule: str, *, patience: float) -> Iterator[None]:
    """Only one thread of one process is inside at a time; if it is killed, the kernel lets the next one in.

    Raises ResourceUnavailable with `rule` after `patience` seconds of waiting."""
    with open(path, "wb") as file:
        deadline = time.monotonic() + patience
        while fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ResourceUnavailable(
                        sentence(rule, "another process that is taking longer"), code="locked"
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
