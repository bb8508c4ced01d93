"""The worker's ear: how far a training or a generation is, and what it has so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from musicgen.audio.waveform import Waveform
from musicgen.symbolic.score import Score


@dataclass(frozen=True)
class EpochRow:
    """One line of a run's history. `epoch` counts from 1; `val_loss` is None without validation music."""

    epoch: int
    loss: float
    val_loss: float | None
    seconds: float
    learning_rate: float
    extra: dict[str, float] = field(default_factory=dict)


class Monitor(Protocol):
    """The worker's ear. Every method may raise Cancelled; approaches let it pass."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        """Called often (it limits itself). `phase`: preparing, training, generating …"""

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        """Called often while pieces are made, for those who listen meanwhile. `make` gives the beginning of the first
        one as it is now, `done` of its `total` steps; it is called before this returns, and seldom."""

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        """After each epoch. `save(folder)` writes weights and optimiser state into an existing empty folder."""

    def notice(self, text: str) -> None:
        """One sentence for the user on something that changed on the way, although the work goes on."""


class SilentMonitor:
    """A monitor that listens to nothing: for tests and dry runs."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        return None

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        return None

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        return None

    def notice(self, text: str) -> None:
        return None
