"""The monitor of a training: progress, history, checkpoints, and the user's requests, after every step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from musicgen.contract.monitor import EpochRow
from musicgen.errors import TrainingFailed, sentence
from musicgen.runs.checkpoints import Checkpoint, Checkpoints
from musicgen.runs.control import Control
from musicgen.runs.history import append_row, best_epoch, row_to_json, score_of
from musicgen.runs.memory import peak_memory_bytes
from musicgen.runs.progress import ProgressFile, TimeLeft
from musicgen.runs.runlog import RunLog, cut_if_long

SHARE_FOR_SAVING = 0.05  # largest share of the time spent on checkpoints that are not the best so far
MAX_UNSAVED = 60.0  # seconds of work that a crash may lose, once an epoch has ended

NOT_FINITE_ADVICE = "Lower learning_rate or the gradient clipping limit, then resume or start again."


class TrainingMonitor:
    """Implements contract.monitor.Monitor for a training.

    Args:
        rows: the history so far. codec, state: stored in every checkpoint.
        is_finite: tells whether all weights are finite numbers. pinned: checkpoints that outputs need.
        notice: shows the user a sentence while the work goes on. marks: added to each row of the history.
        after_saving: called with the row of an epoch whose weights were saved and the seconds left, if these are known;
            returns how many seconds it took, which are not part of the training.
    """

    def __init__(
        self,
        *,
        control: Control,
        progress: ProgressFile,
        log: RunLog,
        checkpoints: Checkpoints,
        history: Path,
        rows: list[dict[str, Any]],
        epochs: int,
        codec: Any,
        state: dict[str, Any],
        is_finite: Callable[[], bool],
        pinned: Callable[[], Collection[str]],
        notice: Callable[[str], None],
        console: Path | None = None,
        marks: Mapping[str, int] | None = None,
        after_saving: Callable[[dict[str, Any], float | None], float] | None = None,
    ) -> None:
        self.control, self.progress_file, self.log = control, progress, log
        self.checkpoints, self.history, self.rows, self.epochs = checkpoints, history, rows, epochs
        self.codec, self.state, self.is_finite, self.pinned, self.console = codec, state, is_finite, pinned, console
        self.notice, self.marks, self.after_saving = notice, dict(marks or {}), after_saving
        self.rows_made: list[dict[str, Any]] = []  # by this process
        self.time_left = TimeLeft(epochs)
        self.steps_in_epoch = self.steps = 0
        self._saved_at = time.monotonic()
        self._saving_seconds = 0.0
        self._saved_epoch = self.epochs_done

    @property
    def epochs_done(self) -> int:
        return int(self.rows[-1]["epoch"]) if self.rows else 0

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        """`done` of `total` steps of the epoch after the last one that ended; `details`: loss, val_loss, …"""
        is_first = phase == "training" and not self.steps
        if phase == "training":
            self.steps_in_epoch, self.steps = done, total
            self.time_left.step(done)
        report = self.progress_file.write if is_first else self.progress_file.update
        report(
            **details
            | {
                "phase": phase,
                "epoch": min(self.epochs_done + 1, self.epochs),
                "epochs": self.epochs,
                "step": self.steps_in_epoch,
                "steps": self.steps,
                "step_seconds": self.time_left.step_seconds,
                "seconds_left": self.time_left.seconds_left(self.epochs_done, self.steps_in_epoch, self.steps),
            }
        )
        self.control.check()

    def so_far(self, make: Any, done: int, total: int) -> None:
        """Never called: a training makes no pieces."""

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        if not math.isfinite(row.loss) or (row.val_loss is not None and not math.isfinite(row.val_loss)):
            raise _not_finite(f"loss {row.loss}, validation loss {row.val_loss} after epoch {row.epoch}")
        if not self.is_finite():
            raise _not_finite(f"weights that are not finite numbers after epoch {row.epoch}")
        document = row_to_json(row) | self.marks
        rests = self.control.wants_rest()
        if rests or self._is_worth_saving(document):
            self._save(document, save)
        append_row(self.history, document)
        self.rows.append(document)
        self.rows_made.append(document)
        self.steps_in_epoch = 0
        self.time_left.epoch_ended()
        self._report(document)
        # A wish that came since the last check waits for the next step, because this epoch may not have been saved.
        # After the last epoch there is nothing left to stop.
        if rests and row.epoch < self.epochs:
            self.control.check_at_rest()
        if self._saved_epoch == row.epoch and not rests:
            self._after_saving(document)

    def _after_saving(self, row: dict[str, Any]) -> None:
        if self.after_saving is None:
            return
        seconds = self.after_saving(row, self.time_left.seconds_left(row["epoch"]))
        self.time_left.leave_out(seconds)
        if seconds and row["epoch"] < self.epochs:  # everything is saved: whoever wants a rest need not wait
            self.control.check_at_rest()

    def keep_last(self, save: Callable[[Path], None]) -> None:
        """After the end: save the last epoch if the approach stopped early by itself."""
        if self.rows and self._saved_epoch != self.epochs_done:
            self._save(self.rows[-1], save)

    def keep_unfinished(self, save: Callable[[Path], None]) -> Checkpoint | None:
        """After a stop in the middle of an epoch: save the present weights, to generate from."""
        if not self.steps_in_epoch or not self.is_finite():
            return None
        state = {**self.state, "steps": self.steps_in_epoch, "row": None, "score": None}
        return self.checkpoints.publish(self.epochs_done + 1, state, self.codec, save, is_complete=False)

    def _is_worth_saving(self, row: dict[str, Any]) -> bool:
        if row["epoch"] >= self.epochs or best_epoch([*self.rows, row]) == row["epoch"]:
            return True
        unsaved = time.monotonic() - self._saved_at
        return unsaved >= min(MAX_UNSAVED, self._saving_seconds / SHARE_FOR_SAVING)

    def _save(self, row: dict[str, Any], save: Callable[[Path], None]) -> None:
        began = time.monotonic()
        state = {**self.state, "row": row, "score": score_of(row)}
        self.checkpoints.publish(row["epoch"], state, self.codec, save)
        self.checkpoints.prune(self.pinned)
        self._saved_at, self._saved_epoch = time.monotonic(), row["epoch"]
        self._saving_seconds = self._saved_at - began

    def _report(self, row: dict[str, Any]) -> None:
        validation = "" if row["val_loss"] is None else f", validation {row['val_loss']:.6g}"
        is_best = best_epoch(self.rows) == row["epoch"]
        self.log.line(
            f"epoch {row['epoch']} of {self.epochs}: loss {row['loss']:.6g}{validation}, {_span(row['seconds'])}"
            + (", best so far" if is_best and len(self.rows) > 1 else "")
        )
        if self.console is not None:
            cut_if_long(self.console)
        report = self.progress_file.write if row["epoch"] >= self.epochs else self.progress_file.update
        report(
            phase="training",
            epoch=min(row["epoch"] + 1, self.epochs),
            epochs=self.epochs,
            step=0 if row["epoch"] < self.epochs else self.steps,
            steps=self.steps,
            loss=row["loss"],
            val_loss=row["val_loss"],
            seconds_left=self.time_left.seconds_left(row["epoch"]),
            memory_bytes=peak_memory_bytes(),
        )


def _span(seconds: float) -> str:
    """For the log: 12.5 s, or milliseconds below one second."""
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{max(1000 * seconds, 1):.0f} ms"


def _not_finite(received: str) -> TrainingFailed:
    return TrainingFailed(
        sentence("Losses and weights must stay finite numbers", received, "The last good weights are kept."),
        code="not_finite",
        advice=NOT_FINITE_ADVICE,
    )
