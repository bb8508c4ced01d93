"""What a loss curve shows, and which floors it may be measured with. Pure functions on the rows of a history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Row = Mapping[str, Any]
Shape = Literal["short", "flat", "memorising", "rising", "held_out_rising", "falling", "settled"]

NOTICEABLE = 0.02  # share of a loss below which a rise is noise
MOVED = 0.01  # a curve that has fallen by less than this share of its first loss has not moved
MIN_EPOCHS = 3  # with fewer, a curve has no shape
PATIENCE = 3  # epochs after the best one before anything is said about memorising
AT_THE_END = 0.2  # "still falling" looks at this share of the epochs, the last ones
BLIND = ("uniform", "zero", "mean", "silence")  # floors that know nothing of the songs but their range or mean

SHAPES = {
    "flat": "The loss has not moved since the first epoch: the network has learned next to nothing in this training. "
    "Try a higher learning rate or a larger network.",
    "rising": "The training loss rises instead of falling: the steps are too large. Try a lower learning rate.",
    "held_out_rising": "The validation loss rises and the training loss has not moved: the network is learning "
    "nothing that holds for other music. Try more songs or a lower learning rate.",
    "falling": "The loss was still falling at the end: more epochs may help.",
}


def row_loss(row: Row) -> float | None:
    """The loss that counts in a history row: the validation loss if there is one. None if it is not finite."""
    value = row.get("val_loss")
    loss = row.get("loss") if value is None else value
    return float(loss) if loss is not None and math.isfinite(loss) else None


def useful_floors(floors: Mapping[str, float]) -> dict[str, float]:
    """The floors without those that a blind guess beats: to be below one of them would show nothing.

    Without a blind guess among them, all are kept. Values that are not finite are left out."""
    known = {name: float(level) for name, level in floors.items() if math.isfinite(level)}
    blind = [level for name, level in known.items() if is_blind(name)]
    limit = min(blind, default=math.inf)
    return {name: level for name, level in known.items() if level < limit or (is_blind(name) and level <= limit)}


def is_blind(name: str) -> bool:
    return any(word in name.lower() for word in BLIND)


def shape_of(history: Sequence[Row]) -> Shape:
    """What the curve of the counting loss does, over all epochs.

    short: too few epochs to tell. flat: it has not moved since the first epoch. memorising: the training loss falls
    while the validation loss rises. rising: the training loss itself rises. held_out_rising: the validation loss rises
    and the training loss has not moved. falling: it was still falling at the end.
    settled: it fell, and then stayed. Rows with a loss that is not finite are left out.
    """
    history = [row for row in history if _is_finite(row)]
    losses = [loss for row in history if (loss := row_loss(row)) is not None]
    if len(losses) < MIN_EPOCHS:
        return "short"
    if memorising_since(history) is not None:
        return "memorising"
    if _rises([float(row["loss"]) for row in history if row.get("loss") is not None]):
        return "rising"
    if not _has_moved(history):
        return "held_out_rising" if _rises(losses) else "flat"
    return "falling" if _still_falls(losses) else "settled"


def shape_words(history: Sequence[Row], *, is_active: bool = False) -> str:
    """A sentence on the shape; empty where there is nothing to say. While a training goes on, nothing is said about its
    end."""
    shape = shape_of(history)
    if shape == "memorising":
        return (
            f"Since epoch {memorising_since(history)} the training loss has been falling while the validation loss "
            "rises: the network is memorising the songs. The weights of the best epoch are kept."
        )
    return "" if is_active and shape == "falling" else SHAPES.get(shape, "")


def memorising_since(history: Sequence[Row], patience: int = PATIENCE) -> int | None:
    """The epoch after the lowest validation loss, if at least `patience` epochs followed in which the validation loss
    rose and the training loss fell noticeably; otherwise None."""
    rows = [row for row in history if row.get("val_loss") is not None and row.get("loss") is not None]
    if len(rows) <= patience:
        return None
    lowest = min(range(len(rows)), key=lambda index: rows[index]["val_loss"])
    later = rows[lowest + 1 :]
    rises = _above(rows[-1]["val_loss"], rows[lowest]["val_loss"], NOTICEABLE)
    falls = _above(rows[lowest]["loss"], rows[-1]["loss"], NOTICEABLE)
    if len(later) < patience or not (rises and falls):
        return None
    return int(later[0]["epoch"])


def _is_finite(row: Row) -> bool:
    return all(math.isfinite(row[name]) for name in ("loss", "val_loss") if row.get(name) is not None)


def _has_moved(history: Sequence[Row]) -> bool:
    """Whether the training loss or the validation loss fell by more than `MOVED`."""
    for name in ("loss", "val_loss"):
        values = [float(row[name]) for row in history if row.get(name) is not None]
        if values and _above(values[0], min(values), MOVED):
            return True
    return False


def _rises(losses: Sequence[float]) -> bool:
    """Whether the loss ended noticeably above its first value and above its lowest one."""
    return len(losses) >= MIN_EPOCHS and _above(losses[-1], losses[0], NOTICEABLE)


def _still_falls(losses: Sequence[float]) -> bool:
    tail = max(MIN_EPOCHS, math.ceil(AT_THE_END * len(losses)))
    before = min(losses[: -tail + 1] or losses[:1])
    return _above(before, losses[-1], MOVED) and losses[-1] <= min(losses) + MOVED * abs(losses[-1])


def _above(high: float, low: float, share: float) -> bool:
    return high - low > share * abs(low if low else high)
