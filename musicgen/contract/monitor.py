"""How a training or a generation reports its progress, and what it has so far."""

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
    """What approaches report to. Every method may raise Cancelled; approaches let it pass."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        """Called often; it limits how often it reports. `phase`: preparing, training, generating …"""

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        """Called often while pieces are made, for a preview. `make` returns the first piece as it is so far, `done` of
        its `total` steps; it is called before this returns, or not at all."""

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        """After each epoch. `save(folder)` writes weights and optimiser state into an existing empty folder."""

    def notice(self, text: str) -> None:
        """One sentence for the user about something that changed while the work continues."""


class SilentMonitor:
    """A monitor that ignores everything: for tests and dry runs."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        return None

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        return None

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        return None

    def notice(self, text: str) -> None:
        return None
