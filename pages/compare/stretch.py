"""The same excerpt of two clips, and the gains that make them equally loud. Arithmetic only; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_SECONDS = 30.0
SILENCE_DB = -90.0


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


def matching_gains(
    reference_rms_db: float, reference_peak_db: float, generated_rms_db: float, generated_peak_db: float
) -> tuple[float, float]:
    """Gains in dB for (reference, generated) after which both have the same RMS level.

    The quieter one is raised as far as its peak allows without clipping; the louder one is lowered by the rest.
    Silence cannot be matched: both gains are 0.
    """
    if min(reference_rms_db, generated_rms_db) <= SILENCE_DB:
        return 0.0, 0.0
    difference = reference_rms_db - generated_rms_db
    if difference >= 0:
        raised = min(difference, max(-generated_peak_db, 0.0))
        return raised - difference, raised
    raised = min(-difference, max(-reference_peak_db, 0.0))
    return raised, raised + difference
