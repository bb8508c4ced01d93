"""Numbers in words: durations and counts, one way for pages, command line and sentences."""

from __future__ import annotations


def span(seconds: float) -> str:
    """How long something takes: under 0.1 s, 2.5 s, 48 s, 3 min 20 s, 1 h 5 min. A clock that was set back gives no
    negative time."""
    if seconds < 0.095:
        return "under 0.1 s"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h" + (f" {minutes} min" if minutes else "")


def count(number: int, one: str, many: str = "") -> str:
    """1 song, 3 songs, 12,000 songs."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
