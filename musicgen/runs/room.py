"""Whether a training fits into the memory of this machine, as it is now. Light."""

from __future__ import annotations

import psutil

from musicgen.errors import InvalidInput, sentence

MB = 1_000_000


def check_room(need: int, device: str) -> None:
    """Raises InvalidInput if a training that needs so many bytes can never run here."""
    there = psutil.virtual_memory().total
    if device == "cpu" and need > there:
        raise InvalidInput(
            sentence(
                f"A training must fit into the {there // MB:,} MB of memory of this machine",
                f"one that needs about {need // MB:,} MB",
                "Use a smaller batch_size, fewer units or less music.",
            ),
            code="too_large",
        )


def tightness(need: int, device: str) -> tuple[str, ...]:
    """A warning if less than that is free at the moment."""
    free = psutil.virtual_memory().available
    if device != "cpu" or need < 0.9 * free:
        return ()
    return (f"About {need // MB:,} MB are needed and {free // MB:,} MB are free: the machine may become slow.",)
