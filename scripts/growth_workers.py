"""Simulated workers for `scripts.growth`: threads that do all that a worker does, but sleep instead of training."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any

from musicgen.contract.monitor import EpochRow
from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.control import Control
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LOG, PROGRESS, WORKER, WORKER_LOCK, run_folder
from musicgen.runs.identity import identity
from musicgen.runs.locks import FileLock
from musicgen.runs.progress import ProgressFile
from musicgen.runs.runlog import RunLog
from musicgen.runs.training_monitor import TrainingMonitor
from musicgen.storage.files import write_json

EPOCHS, EPOCH_SECONDS, STEPS = 3, 2.0, 20
WEIGHTS = bytes(64 * 1024)


class TimedControl(Control):
    """A control that notes how long each look at the record takes."""

    wishes: list[float]

    def _look(self, *, even_if_recent: bool = False) -> None:
        before, began = self._looked_at, time.perf_counter()
        super()._look(even_if_recent=even_if_recent)
        if self._looked_at != before:
            self.wishes.append(time.perf_counter() - began)


def work(orders: Any, told: Any, must_end: Any, threads: int) -> None:
    """A process of several workers. At the end it tells `started` (seconds from the claim to the first word of the
    worker), `wishes`, `writes` (seconds each) and `errors`."""
    notes: dict[str, list[Any]] = {"started": [], "wishes": [], "writes": [], "errors": []}
    workers = [threading.Thread(target=_work, args=(orders, must_end, notes)) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    told.put(notes)


def _work(orders: Any, must_end: Any, notes: dict[str, list[Any]]) -> None:
    while not must_end.is_set():
        try:
            task_id, run_id, fence, claimed_at = orders.get(timeout=0.2)
        except queue.Empty:
            continue
        try:
            _run(task_id, run_id, fence, claimed_at, must_end, notes)
        except Exception as error:
            notes["errors"].append(f"{type(error).__name__}: {error}"[:300])


def _run(task_id: str, run_id: str, fence: str, claimed_at: float, must_end: Any, notes: dict[str, list[Any]]) -> None:
    folder = run_folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / WORKER_LOCK):
        write_json(folder / WORKER, identity())
        began = time.perf_counter()
        assert states.begin(task_id, fence, identity()["pid"]), "the fence is ours"
        notes["writes"].append(time.perf_counter() - began)
        notes["started"].append(time.time() - claimed_at)
        progress = ProgressFile(folder / PROGRESS, device="cpu", elapsed_seconds=0.0)
        control = TimedControl(task_id, fence, max_seconds=3600.0)
        control.wishes = notes["wishes"]
        _train(folder, control, progress, must_end)
        began = time.perf_counter()
        assert states.finish(task_id, fence, states.SUCCEEDED, seconds=progress.elapsed()), "nobody else finished it"
        notes["writes"].append(time.perf_counter() - began)


def _train(folder: Path, control: Control, progress: ProgressFile, must_end: Any) -> None:
    monitor = TrainingMonitor(
        control=control, progress=progress, log=RunLog(folder / LOG), checkpoints=Checkpoints(folder / CHECKPOINTS),
        history=folder / HISTORY, rows=[], epochs=EPOCHS, codec={}, state={}, is_finite=lambda: True, pinned=list,
        notice=lambda sentence: None,
    )  # fmt: skip
    for epoch in range(1, EPOCHS + 1):
        for step in range(1, STEPS + 1):
            time.sleep(EPOCH_SECONDS / STEPS)
            monitor.progress("training", step, STEPS, loss=1.0 / epoch)
            if must_end.is_set():
                return
        row = EpochRow(epoch, 1.0 / epoch, 1.5 / epoch, EPOCH_SECONDS, 0.001, {})
        monitor.epoch_ended(row, lambda at: (at / "weights.npy").write_bytes(WEIGHTS) and None)
