"""Stops a training that no longer improves."""

from __future__ import annotations

import math
from typing import Any

from musicgen.contract.monitor import EpochRow


class EarlyStopping:
    """Counts the epochs since the lowest validation loss; the count is in `networks.state`, so it survives a
    pause.

    Args:
        state: of the networks. patience: stop after this many epochs without a lower loss; 0 for never.
    """

    def __init__(self, state: dict[str, Any], patience: int, first_epoch: int) -> None:
        self.patience = patience
        self.state = state
        if first_epoch == 1 or "best_loss" not in state:
            state |= {"best_loss": None, "epochs_since_best": 0}
        if self.is_due:  # it stopped early, and the user asked for more epochs
            self.state["epochs_since_best"] = 0

    def note(self, row: EpochRow) -> None:
        if row.val_loss is None or not math.isfinite(row.val_loss):
            return
        best = self.state["best_loss"]
        is_better = best is None or row.val_loss < best
        self.state["epochs_since_best"] = 0 if is_better else self.state["epochs_since_best"] + 1
        if is_better:
            self.state["best_loss"] = row.val_loss

    @property
    def is_due(self) -> bool:
        return bool(self.patience) and self.state["epochs_since_best"] >= self.patience
