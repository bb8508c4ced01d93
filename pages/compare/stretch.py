"""The same excerpt of two clips. Arithmetic only; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_SECONDS = 30.0


@dataclass(frozen=True)
class Alignment:
    """How two clips lie on one time axis.

    Attributes:
        offset: seconds in the reference at which the generated clip begins; 0 where they are not aligned.
        is_aligned: the generated clip names the excerpt of this reference that it belongs to.
        first, last: the seconds of the reference's time axis that both clips cover.
    """

    offset: float
    is_aligned: bool
    first: float
    last: float


@dataclass(frozen=True)
class Stretch:
    """An excerpt: seconds `start` to `stop` of one clip."""

    start: float
    stop: float

    @property
    def seconds(self) -> float:
        return self.stop - self.start


def align(reference_seconds: float, generated_seconds: float, offset: float | None) -> Alignment:
    """Place the generated clip at `offset` seconds of the reference; with None both are at 0, with their own starts."""
    if offset is None:
        return Alignment(0.0, False, 0.0, max(reference_seconds, generated_seconds))
    first = min(max(offset, 0.0), reference_seconds)
    return Alignment(offset, True, first, max(first, min(reference_seconds, offset + generated_seconds)))


def cut(clip_seconds: float, start: float, seconds: float) -> Stretch:
    """`seconds` from `start`, kept inside the clip: the start moves back if the clip would end too early."""
    start = min(max(start, 0.0), max(clip_seconds - min(seconds, clip_seconds), 0.0))
    return Stretch(start, min(start + seconds, clip_seconds))
