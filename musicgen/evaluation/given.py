"""What the training songs gave an output on purpose. There, likeness does not count as copying."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from musicgen.evaluation.note_events import between_seconds
from musicgen.symbolic.score import Score

ALL_SECONDS = 1e9  # longer than any piece
ROUNDED = 1e-3  # seconds of a piece and of what was given are rounded apart


@dataclass(frozen=True)
class Given:
    """See the module.

    Attributes:
        led_seconds: how long, from the start, each step was predicted from a song.
        made_of_songs: whether it is put together from the sound of its songs.
        own_tracks: the tracks that the network wrote; the others were taken over from a song, as the chords under a
            solo are. () for all; a number that no track has if it wrote no note.
        has_plan: whether it was told to play stretches of its songs in a new order.
    """

    led_seconds: float = 0.0
    made_of_songs: bool = False
    own_tracks: tuple[int, ...] = ()
    has_plan: bool = False

    @classmethod
    def of(cls, sidecar: Mapping[str, Any]) -> Given:
        """By the sidecar of the output."""
        facts, generation = sidecar.get("facts") or {}, sidecar.get("generation") or {}
        is_led = "predict" in (facts.get("mode"), generation.get("mode"))
        return cls(
            # All of it if it predicts a song; the prompt if it begins with its own version of that.
            ALL_SECONDS if is_led else float(facts.get("seeded_seconds") or 0.0),
            bool(facts.get("made_of_songs")),
            tuple(int(track) for track in facts.get("own_tracks") or ()),
            bool(facts.get("plan")),
        )

    def is_all_of(self, seconds: float) -> bool:
        """Whether a song led all of a piece of this length."""
        return self.led_seconds > 0 and 0 < seconds <= self.led_seconds + ROUNDED

    def own(self, score: Score) -> Score:
        """The part of a score that no song gave: the network's own tracks, after the time that a song led."""
        own = score.only_tracks(self.own_tracks) if self.own_tracks else score
        return between_seconds(own, self.led_seconds, math.inf) if self.led_seconds else own

    def to_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Given:
        return cls(
            document["led_seconds"],
            document["made_of_songs"],
            tuple(document["own_tracks"]),
            bool(document.get("has_plan")),
        )


NOTHING = Given()
