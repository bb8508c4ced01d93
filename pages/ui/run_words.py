"""Runs in words: their progress, and what their loss means. Pure functions; draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicgen.evaluation.curves import row_loss, shape_of, shape_words, useful_floors
from musicgen.wording import fact_title, fact_value, span
from pages.ui.floor_words import floor_lesson, floor_title

__all__ = [
    "best_row", "fact_title", "fact_value", "loss_words", "progress_share", "progress_words", "queue_words",
]  # fmt: skip


def progress_share(state: str, progress: Mapping[str, Any]) -> float:
    """How much of the work is done, 0 to 1: whole epochs and the finished part of the current one."""
    if state == "succeeded":
        return 1.0
    epochs, steps = progress.get("epochs") or 0, progress.get("steps") or 0
    part = min((progress.get("step") or 0) / steps, 1.0) if steps else 0.0
    if not epochs:
        return part
    done = max((progress.get("epoch") or 1) - 1, 0)
    return min((done + part) / epochs, 1.0)


def progress_words(state: str, progress: Mapping[str, Any]) -> str:
    """The progress of a task: `epoch 3 of 10 · step 120 of 400 · about 80 s left`."""
    parts = []
    if progress.get("epoch") and progress.get("epochs"):
        parts.append(f"epoch {progress['epoch']} of {progress['epochs']}")
    elif progress.get("phase"):
        parts.append(str(progress["phase"]))
    if progress.get("steps"):
        parts.append(f"step {progress.get('step') or 0:,} of {progress['steps']:,}")
    if state in {"starting", "running"} and progress.get("seconds_left") is not None:
        parts.append(f"about {span(max(1.0, progress['seconds_left']))} left")
    return " · ".join(parts)


def best_row(history: Sequence[Mapping[str, Any]], best_epoch: int | None = None) -> Mapping[str, Any] | None:
    """The row of `best_epoch`, else the one with the lowest loss."""
    rows = [row for row in history if row_loss(row) is not None]
    named = [row for row in rows if row.get("epoch") == best_epoch]
    return named[0] if named else min(rows, key=lambda row: row_loss(row) or 0.0, default=None)


def loss_words(
    history: Sequence[Mapping[str, Any]],
    floors: Mapping[str, float],
    best_epoch: int | None = None,
    *,
    medium: str,
    is_active: bool = False,
) -> list[str]:
    """Sentences on the best loss, on what it means beside the floors, and on the shape of the curve.

    Args:
        medium: of the approach. is_active: the training goes on, so nothing is said about its end.
    """
    best = best_row(history, best_epoch)
    loss = row_loss(best) if best else None
    if best is None or loss is None:
        return []
    kind = "validation loss" if best.get("val_loss") is not None else "training loss (no music was held out)"
    said = [f"Best {kind}: {loss:.4g} in epoch {best['epoch']}."]
    shape = shape_of(history)
    said += _beside_floors(loss, useful_floors(floors), medium, is_flat=shape in ("flat", "held_out_rising"))
    if words := shape_words(history, is_active=is_active):
        said.append(words)
    return said


def _beside_floors(loss: float, floors: Mapping[str, float], medium: str, *, is_flat: bool) -> list[str]:
    """The nearest floor below and above. A network whose loss has not moved gets no credit for being below one."""
    below = {} if is_flat else {name: value for name, value in floors.items() if loss < value}
    above = {name: value for name, value in floors.items() if loss >= value}
    said = []
    if below:
        name = min(below, key=lambda key: below[key])
        lesson = floor_lesson(name, is_below=True, medium=medium)
        said.append(f"Below the floor “{floor_title(name)}” ({below[name]:.4g}): the network {lesson}.")
    if above:
        name = max(above, key=lambda key: above[key])
        lesson = floor_lesson(name, is_below=False, medium=medium)
        said.append(f"Not below the floor “{floor_title(name)}” ({above[name]:.4g}): {lesson}.")
    return said


def queue_words(ahead: int) -> str:
    """How many tasks are ahead of the queued one."""
    if not ahead:
        return "waiting: it starts in a moment"
    return f"waiting: {ahead} {'task' if ahead == 1 else 'tasks'} ahead of it on this device"
