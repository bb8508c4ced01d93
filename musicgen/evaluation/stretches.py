"""Which excerpts of two clips are compared. Arithmetic only: knows no sound and no notes. Light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musicgen.errors import InvalidInput, sentence

SHORTEST = 0.01  # seconds; below this there is nothing to compare

Seconds = tuple[float, float]


@dataclass(frozen=True)
class StretchPlace:
    """Where a clip belongs: its second 0 is second `start` of this song. A song belongs to itself, at 0."""

    song_id: str
    start: float = 0.0


@dataclass(frozen=True)
class Stretches:
    """The seconds compared, and how they were chosen: `aligned`, `from_start`, `whole` or `chosen`."""

    reference: Seconds
    generated: Seconds
    kind: str

    def to_json(self) -> dict[str, Any]:
        """As JSON for a comparison, with a sentence for people."""
        return {
            "reference": [round(second, 6) for second in self.reference],
            "generated": [round(second, 6) for second in self.generated],
            "kind": self.kind,
            "text": self._text(),
        }

    def _text(self) -> str:
        seconds = self.generated[1] - self.generated[0]
        if self.kind == "whole":
            return f"All of both: {self.reference[1]:.2f} s and {seconds:.2f} s."
        if self.kind == "aligned":
            start, stop = self.reference
            return f"The part that both cover: {start:.2f} s to {stop:.2f} s of the original."
        if self.kind == "from_start":
            return f"Both from the start, for {seconds:.2f} s."
        return (
            "; ".join(
                f"{name} {start:.2f} s to {stop:.2f} s"
                for name, (start, stop) in (("Original", self.reference), ("generated", self.generated))
            )
            + "."
        )


@dataclass(frozen=True)
class Wish:
    """What is known before the lengths are known.

    Attributes:
        reference, generated: (start, stop) asked for, in seconds of each clip; None: choose.
        places: where the reference and the generated clip belong.
    """

    reference: Seconds | None = None
    generated: Seconds | None = None
    places: tuple[StretchPlace | None, StretchPlace | None] = (None, None)

    @property
    def offset(self) -> float | None:
        """Where the generated clip begins in the reference clip, in seconds; None if they share no song."""
        one, other = self.places
        return other.start - one.start if one and other and one.song_id == other.song_id else None


def choose_stretches(
    wish: Wish, reference_seconds: float, generated_seconds: float, *, is_sound: bool, longest: float = float("inf")
) -> Stretches:
    """The excerpts that were asked for, or those that make most sense.

    Clips that belong to one song are aligned: the part of the song that both cover. Otherwise sound is compared from
    the start to the end of the shorter one, and scores are compared whole: counts and shares need no common time.
    If an excerpt was asked for on one side only, the other uses the same part of the song, or as much from its start.

    Args:
        reference_seconds, generated_seconds: lengths of the clips. longest: the longest excerpt, in seconds.

    Raises:
        InvalidInput: an excerpt that ends before it begins, or begins after the clip has ended.
    """
    if wish.reference is None and wish.generated is None:
        found = _natural(reference_seconds, generated_seconds, wish.offset, is_sound)
    else:
        one = wish.reference and _clipped("original", wish.reference, reference_seconds)
        other = wish.generated and _clipped("generated", wish.generated, generated_seconds)
        if one is None and other is not None:
            one = _beside(other, wish.offset, reference_seconds)
        elif other is None and one is not None:
            other = _beside(one, None if wish.offset is None else -wish.offset, generated_seconds)
        found = Stretches(one or (0.0, reference_seconds), other or (0.0, generated_seconds), "chosen")
    return Stretches(_shortened(found.reference, longest), _shortened(found.generated, longest), found.kind)


def _natural(reference_seconds: float, generated_seconds: float, offset: float | None, is_sound: bool) -> Stretches:
    if offset is not None:
        first, last = max(offset, 0.0), min(reference_seconds, offset + generated_seconds)
        if last - first >= SHORTEST:
            return Stretches((first, last), (first - offset, last - offset), "aligned")
    if not is_sound:
        return Stretches((0.0, reference_seconds), (0.0, generated_seconds), "whole")
    shorter = min(reference_seconds, generated_seconds)
    return Stretches((0.0, shorter), (0.0, shorter), "from_start")


def _beside(stretch: Seconds, shift: float | None, seconds: float) -> Seconds:
    """The same part of the other clip, moved by `shift`; as much from its start if it has nothing there."""
    if shift is not None:
        first, last = max(stretch[0] + shift, 0.0), min(stretch[1] + shift, seconds)
        if last - first >= SHORTEST:
            return first, last
    return 0.0, min(stretch[1] - stretch[0], seconds)


def _clipped(name: str, stretch: Seconds, seconds: float) -> Seconds:
    start, stop = max(float(stretch[0]), 0.0), min(float(stretch[1]), seconds)
    if stop - start < SHORTEST:
        rule = f"The excerpt of the {name} piece must end after it begins and lie within 0 to {seconds:.2f} s"
        raise InvalidInput(
            sentence(rule, f"{float(stretch[0]):.2f} s to {float(stretch[1]):.2f} s"), code="bad_stretch"
        )
    return start, stop


def _shortened(stretch: Seconds, longest: float) -> Seconds:
    return stretch[0], min(stretch[1], stretch[0] + longest)
