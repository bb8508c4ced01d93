"""The held-out loss of a trial by share of its work, and whether it is stopped early: worse than half of the others.

Trials are compared at the same share, whatever their number of epochs. Everything is a function of the curves, so it
does not matter when it is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from musicgen.runs.history import score_of

PARTS = 20  # of the work of a trial
EARLIEST = 5  # no trial is stopped before this many
ENOUGH = 4  # other trials, before any is stopped


def curve_of(history: Sequence[Mapping[str, Any]], epochs: int, *, has_ended: bool) -> list[float | None]:
    """The lowest held-out loss at 1/20, 2/20 … of the work, as far as it went; None before the first epoch has ended.

    `has_ended`: it trains no longer (early stopping), so that what it reached holds for the rest."""
    curve: list[float | None] = []
    reached = PARTS if has_ended else int(PARTS * (history[-1]["epoch"] if history else 0) / epochs + 1e-9)
    for part in range(1, min(reached, PARTS) + 1):
        scores = [score_of(dict(row)) for row in history if row["epoch"] * PARTS <= part * epochs + 1e-9]
        known = [score for score in scores if score is not None]
        curve.append(min(known) if known else None)
    return curve


def stopped_at(curve: Sequence[float | None], others: Sequence[Sequence[float | None]]) -> int | None:
    """The part (from 1) after which a trial is stopped early; None if it may go on. `others`: curves of the trials
    before it."""
    for part in range(EARLIEST, len(curve) + 1):
        value = curve[part - 1]
        there = [known for other in others if len(other) >= part and (known := other[part - 1]) is not None]
        if value is not None and len(there) >= ENOUGH and value > median(there) and part < PARTS:
            return part
    return None


def lowest(history: Sequence[Mapping[str, Any]]) -> float | None:
    """The lowest held-out loss of a history."""
    known = [score for row in history if (score := score_of(dict(row))) is not None]
    return min(known) if known else None
