"""Measurements as ratios to the naive way or to a named alternative, both measured in one run. One file per topic.

A topic is a module of this package with `LINES`: the name of a line → the function that measures it. `running` finds
them and gives each a process of its own; `table` publishes them. Machines differ and are noisy, so the ratio is what
matters: `paired` alternates between both sides and compares their medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.errors import MusicgenError


class Skipped(MusicgenError):
    """A line cannot be measured here; the message says why, and what to do about it."""


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        ours, baseline: medians, in `unit`.
        less_is_better: for seconds and megabytes; the unit says so too.
        limit_share: ours as a share of what this machine could do at most, if that was measured.
        held_back: what keeps it from more, where that was looked for in a profile.
    """

    name: str
    ours: float
    baseline: float
    baseline_name: str
    unit: str
    limit_share: float | None = None
    less_is_better: bool = False
    held_back: str | None = None

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        return self.baseline / self.ours if self.less_is_better else self.ours / self.baseline

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.ratio}


def paired(ours: Callable[[], float], baseline: Callable[[], float], *, rounds: int = 3) -> tuple[float, float]:
    """Medians of `rounds` runs of each, in turn, so that a slow minute affects both. Each returns a rate."""
    pairs = [(ours(), baseline()) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def rate(work: Callable[[], int]) -> float:
    """Items per second of one call; `work` returns how many items it did."""
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)


class EpochSeconds(SilentMonitor):
    """A monitor that records the duration of each epoch; the first one includes compilation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        self.seconds.append(row.seconds)
