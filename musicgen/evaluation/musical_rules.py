"""What can be wrong with notes as music: the key, the rhythm, the voices. Each rule compares metrics of `tonality`,
`rhythm`, `voice_leading` and `texture` with what the songs do; see `degeneracy`.

The songs are the yardstick: their most extreme value is the limit, with a margin. A piece of few notes gets a wider
one. A piece that is beyond the songs in one thing only, and not far, is often a fine one: nothing is said of it unless
all bounds together say the same (`unlikeness`). Where they say it clearly, no single bound need be broken.
`python -m scripts.verdicts` measures how often real pieces are blamed and constructed bad ones are not; margins and
weights were set on every second piece, and `benchmarks/verdicts.md` has the figures of the others.
"""

from __future__ import annotations

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
    Verdict,
)

MIN_NOTES = 24  # with fewer, nothing is said
FEW, MOST_FEW = 3.0, 2.5  # margins are wider by this number over that of the songs, at most so many times as wide
UNEVEN = 0.5  # of how far the furthest of the songs lies from the middle one: where they differ, others may too
REMEDIES = (COOLER, LONGER, LONGER_MEMORY, MORE_SONGS)
BESIDE = -1.0  # the excess of the most extreme song
TOGETHER = "It differs from the songs in several ways at once; above all,"


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


@dataclass(frozen=True)
class Fault:
    """A rule over several bounds.

    Attributes:
        title: for a badge. first_title: the same where it is the first bound that is meant, if that has its own.
        cause: what the network did, the end of a sentence.
    """

    code: str
    title: str
    bounds: tuple[Bound, ...]
    cause: str
    first_title: str = ""

    def __call__(self, metrics: Metrics, learned: Metrics) -> Verdict | None:
        """A verdict on the first of the bounds that is broken."""
        bound = next((each for each in self.bounds if each.is_broken(metrics, learned)), None)
        if bound is None or metrics["num_notes"] < MIN_NOTES:
            return None
        return self._verdict(bound, metrics, learned, bound.said(metrics, learned))

    def nearly(self, metrics: Metrics, learned: Metrics) -> tuple[float, Verdict] | None:
        """(excess, a verdict) of the bound that is nearest to its limit, which it need not have passed."""
        known = [(excess, bound) for bound in self.bounds if (excess := bound.excess(metrics, learned)) is not None]
        if not known or metrics["num_notes"] < MIN_NOTES:
            return None
        excess, bound = max(known, key=lambda each: each[0])
        said = bound.said(metrics, learned)
        return excess, self._verdict(bound, metrics, learned, f"{TOGETHER} {said[0].lower()}{said[1:]}")

    def _verdict(self, bound: Bound, metrics: Metrics, learned: Metrics, said: str) -> Verdict:
        title = self.first_title if self.first_title and bound is self.bounds[0] else self.title
        value, limit = metrics[bound.metric], bound.limit(metrics, learned)
        return Verdict(self.code, title, bound.metric, value, limit, f"{said}: {self.cause}", REMEDIES)


def unlike_together(metrics: Metrics, learned: Metrics) -> Verdict | None:
    """Of a piece that breaks no bound, but is unlike its songs in several things at once: what is the furthest beyond
    all of them."""
    found = [near for fault in RULES if (near := fault.nearly(metrics, learned)) is not None]
    excess, verdict = max(found, key=lambda each: each[0], default=(BESIDE, None))
    return verdict if excess > BESIDE else None


BOUNDS = IN_KEY + IN_TIME + IN_LINE + IN_HARMONY + GOING_ON
RULES = (
    Fault("out_of_key", "Wanders out of key", IN_KEY, "the network does not keep to a key."),
    Fault("no_rhythm", "No rhythm", IN_TIME, "the network has not learned when notes begin."),
    Fault(
        "leaping", "Voices leap", IN_LINE, "the network chooses notes without following the voice that they belong to.",
        first_title="Voices cross",
    ),
    Fault(
        "clashing", "Clashing", IN_HARMONY, "the network chooses notes without hearing those that sound with them."
    ),
    Fault(
        "thin", "Voices stop", GOING_ON, "once the network holds notes or rests, it does not move on.",
        first_title="Comes to a stop",
    ),
)  # fmt: skip
