"""What can be wrong with notes as music: the key, the rhythm, the voices. Each rule compares metrics of `tonality`,
`rhythm`, `voice_leading` and `texture` with what the songs do; see `degeneracy`.

The songs are the yardstick: their most extreme value is the limit, with a margin. A piece of few notes gets a wider
one. A piece that is beyond the songs in one thing only, and not far, is often a fine one: nothing is said of it unless
all bounds together say the same (`unlikeness`). `python -m scripts.verdicts` measures how often real pieces are blamed
and constructed bad ones are not; margins and weights were set on every second piece, and `benchmarks/verdicts.md` has
the figures of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from musicgen.evaluation.verdict import (
    COOLER,
    LONGER,
    LONGER_MEMORY,
    MORE_SONGS,
    NUM_SONGS,
    TYPICAL,
    Metrics,
    Remedy,
    Verdict,
)

MIN_NOTES = 24  # with fewer, nothing is said
FEW, MOST_FEW = 3.0, 2.5  # margins are wider by this number over that of the songs, at most so many times as wide
UNEVEN = 0.5  # of how far the furthest of the songs lies from the middle one: where they differ, others may too
REMEDIES = (COOLER, LONGER, LONGER_MEMORY, MORE_SONGS)


@dataclass(frozen=True)
class Bound:
    """One metric and how far it may go beyond the songs.

    Attributes:
        side: `high`: more than the songs is wrong; `low`: less is.
        margin: beyond the most extreme song. factor: on top, of that song's value.
        words: with {value} and {songs}. is_share: shown as per cent, and wider where there are few notes.
    """

    metric: str
    side: Literal["high", "low"]
    margin: float
    words: str
    factor: float = 1.0
    is_share: bool = True

    def limit(self, metrics: Metrics, learned: Metrics) -> float:
        """The furthest that is fine."""
        return self._furthest(learned) + self._sign * self._width(metrics, learned)

    @property
    def _sign(self) -> int:
        return 1 if self.side == "high" else -1

    def _furthest(self, learned: Metrics) -> float:
        """What the most extreme song allows."""
        return learned[self.metric] * self.factor**self._sign

    def _width(self, metrics: Metrics, learned: Metrics) -> float:
        """How far beyond that is fine."""
        known = learned[self.metric]
        uneven = UNEVEN * abs(known - learned.get(TYPICAL + self.metric, known))
        spread = sqrt(max(known * (1 - known), 0.0025) / max(metrics["num_notes"], 1)) if self.is_share else 0.0
        few = min(1.0 + FEW / max(learned.get(NUM_SONGS, 1.0), 1.0), MOST_FEW)
        return self.margin * few + spread + uneven

    def excess(self, metrics: Metrics, learned: Metrics) -> float | None:
        """How far the piece is beyond the limit, in widths of the margin: 0 at the limit, -1 at the most extreme song.
        None if that is not known."""
        if self.metric not in metrics or self.metric not in learned:
            return None
        beyond = self._sign * (metrics[self.metric] - self.limit(metrics, learned))
        return beyond / self._width(metrics, learned)

    def is_broken(self, metrics: Metrics, learned: Metrics) -> bool:
        excess = self.excess(metrics, learned)
        return excess is not None and excess > 0

    def said(self, metrics: Metrics, learned: Metrics) -> str:
        """The words, with what was measured and what the songs do."""
        most = "at most" if self.side == "high" else "at least"
        return self.words.format(value=self._shown(metrics[self.metric]), songs=self._shown(learned[self.metric], most))

    def _shown(self, value: float, most: str = "") -> str:
        return f"{most} {value:.0%}".strip() if self.is_share else f"{most} {value:.1f}".strip()


IN_KEY = (
    Bound("local_key_share", "low", 0.035, "{value} of its notes fit the key of the moment, in the songs {songs}"),
    Bound("in_key_share", "low", 0.06, "{value} of its notes fit one key, in the songs {songs}"),
)
IN_TIME = (
    Bound("off_grid_share", "high", 0.12, "{value} of its notes begin off the grid of the beat, in the songs {songs}"),
    Bound("beat_share", "low", 0.12, "{value} of its moments fall on the beat, in the songs {songs}"),
    Bound(
        "rhythm_bits_training",
        "high",
        0.4,
        "Its rhythm is unlike that of the songs: {value} bits of surprise a note, in the songs {songs}",
        is_share=False,
    ),
    Bound("syncopated_share", "high", 0.2, "{value} of its long notes begin off the beat, in the songs {songs}"),
    Bound("together_share", "low", 0.2, "{value} of its notes begin together with others, in the songs {songs}"),
)
IN_LINE = (
    Bound("crossing_share", "high", 0.06, "Its voices cross in {value} of the time, in the songs in {songs}"),
    Bound("leap_share", "high", 0.055, "{value} of the moves of its outer voices are leaps, in the songs {songs}"),
    Bound("track_leap_share", "high", 0.05, "{value} of the moves of its voices are leaps, in the songs {songs}"),
    Bound(
        "interval_bits_training",
        "high",
        0.3,
        "Its melodies are unlike those of the songs: {value} bits of surprise a note, in the songs {songs}",
        is_share=False,
    ),
    Bound("step_share", "low", 0.12, "{value} of the moves of its outer voices are steps, in the songs {songs}"),
    Bound(
        "mean_interval", "high", 0.8, "Its outer voices move by {value} semitones a note, in the songs by {songs}",
        factor=1.3, is_share=False,
    ),
)  # fmt: skip
IN_HARMONY = (
    Bound("dissonance_share", "high", 0.045, "{value} of the notes sounding together clash, in the songs {songs}"),
)

GOING_ON = (
    Bound(
        "longest_still", "high", 4.0, "No note begins for {value} beats, in the songs for {songs}", factor=2.0,
        is_share=False,
    ),
    Bound(
        "thinnest_share", "low", 0.2,
        "In its thinnest quarter, {value} of the usual number of notes sound at once, in the songs {songs}",
    ),
    Bound("fewest_tracks_share", "low", 0.15, "In one quarter, {value} of its tracks play, in the songs {songs}"),
)  # fmt: skip


def out_of_key(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = "the network does not keep to a key."
    return _first("out_of_key", "Wanders out of key", IN_KEY, metrics, learned, cause)


def no_rhythm(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = "the network has not learned when notes begin."
    return _first("no_rhythm", "No rhythm", IN_TIME, metrics, learned, cause)


def leaping(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = "the network chooses notes without following the voice that they belong to."
    title = "Voices cross" if IN_LINE[0].is_broken(metrics, learned) else "Voices leap"
    return _first("leaping", title, IN_LINE, metrics, learned, cause)


def clashing(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = "the network chooses notes without hearing those that sound with them."
    return _first("clashing", "Clashing", IN_HARMONY, metrics, learned, cause)


def _first(
    code: str,
    title: str,
    bounds: tuple[Bound, ...],
    metrics: Metrics,
    learned: Metrics,
    cause: str,
    remedies: tuple[Remedy, ...] = REMEDIES,
) -> Verdict | None:
    """A verdict on the first of the bounds that is broken."""
    bound = next(_broken(bounds, metrics, learned), None)
    if bound is None or metrics["num_notes"] < MIN_NOTES:
        return None
    value, limit = metrics[bound.metric], bound.limit(metrics, learned)
    return Verdict(code, title, bound.metric, value, limit, f"{bound.said(metrics, learned)}: {cause}", remedies)


def _broken(bounds: tuple[Bound, ...], metrics: Metrics, learned: Metrics) -> Iterator[Bound]:
    return (bound for bound in bounds if bound.is_broken(metrics, learned))


def stopping(metrics: Metrics, learned: Metrics) -> Verdict | None:
    title = "Comes to a stop" if GOING_ON[0].is_broken(metrics, learned) else "Voices stop"
    return _first(
        "thin", title, GOING_ON, metrics, learned, "once the network holds notes or rests, it does not move on."
    )


BOUNDS = IN_KEY + IN_TIME + IN_LINE + IN_HARMONY + GOING_ON
RULES = (out_of_key, no_rhythm, leaping, clashing, stopping)
