"""Trains for so many minutes by the clock, whatever the machine: the learning rate falls with the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.errors import Cancelled

WARM_UP = 100  # steps in which the learning rate rises
LOOKS = 20  # how many times the network is looked at on the way


class _Clock(SilentMonitor):
    """Sets the learning rate after each step, and ends the training when the time is up."""

    def __init__(
        self, seconds: float, began: float, networks: Any, rate: float, looked_at: Callable[[float, int], None]
    ) -> None:
        self.seconds, self.began, self.networks, self.rate = seconds, began, networks, rate
        self.looked_at = looked_at
        self.steps, self.next_look = 0, 0.0

    @property
    def passed(self) -> float:
        return time.monotonic() - self.began

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        self.steps += 1
        if self.passed >= self.seconds:
            raise Cancelled
        warm = min(1.0, self.steps / WARM_UP)
        rate = self.rate * warm * max(0.5 * (1 + math.cos(math.pi * self.passed / self.seconds)), 0.005)
        for optimizer in self.networks.optimizers.values():
            optimizer.learning_rate = rate

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        if self.passed >= self.next_look:
            self.looked_at(self.passed / 60, row.epoch)
            self.next_look = self.passed + self.seconds / LOOKS


def train_for(
    seconds: float, kind: Any, networks: Any, prepared: Any, training: Any, *, seed: int,
    looked_at: Callable[[float, int], None], began: float | None = None,
) -> None:  # fmt: skip
    """Train an approach's networks in place for `seconds`.

    Args:
        kind: a NetworkApproach. looked_at: called with (minutes, epoch) now and then, with the weights that would be
            kept. began: when the time began to run, by the monotonic clock; now if None.
    """
    from musicgen.networks import engine

    recipe = replace(
        kind.recipe(training), epochs=1_000_000, schedule="constant", learning_rate=training.learning_rate / 10
    )
    clock = _Clock(seconds, began or time.monotonic(), networks, training.learning_rate, looked_at)
    try:
        engine.fit(networks, kind.tasks(networks, prepared, training), recipe, seed=seed, monitor=clock)
    except Cancelled:
        return
