"""Where a search may look: declared once with each parameter, next to its bounds.

Only parameters that leave the held-out loss comparable have a search range: the size of the network and how it is
trained, but nothing that changes which music is scored, in which words, or in which unit. What makes a network sound
better and cannot make it predict better is searched by ear only: a lower loss would be bought with worse music.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, on a grid of plain numbers.

    Attributes:
        log: the grid is as dense around 0.001 as around 0.01.
        by_ear_only: the held-out loss does not see what it is good for.
    """

    low: float
    high: float
    log: bool = False
    by_ear_only: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of these values; `ordered`: from small to large, so that neighbours are alike."""

    values: tuple[Any, ...]
    ordered: bool = True


Searched = Between | OneOf


def steps(*values: Any) -> OneOf:
    """Values from small to large."""
    return OneOf(values)


def choices(*values: Any) -> OneOf:
    """Values without an order."""
    return OneOf(values, ordered=False)


def search_document(searched: Searched, bounds: Mapping[str, Any]) -> dict[str, Any]:
    """The range as it stands in the JSON schema, within the parameter's own bounds (ge, gt, le, lt, multiple_of)."""
    if isinstance(searched, Between):
        low, high = searched.low, searched.high
        if not (allowed(low, bounds) and allowed(high, bounds)):
            raise ValueError(f"a search range lies within the bounds of its parameter, not {low:g} to {high:g}")
        only = {"by_ear_only": True} if searched.by_ear_only else {}
        return {"low": low, "high": high, "log": searched.log, **only}
    values = [value for value in searched.values if allowed(value, bounds)]
    return {"values": as_json(values), "ordered": searched.ordered}


def allowed(value: Any, bounds: Mapping[str, Any]) -> bool:
    """Whether a value keeps the bounds. What is no number has none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (
        value >= bounds.get("ge", value)
        and value <= bounds.get("le", value)
        and value > bounds.get("gt", value - 1)
        and value < bounds.get("lt", value + 1)
        and ("multiple_of" not in bounds or value % bounds["multiple_of"] == 0)
    )


def as_json(values: Sequence[Any]) -> list[Any]:
    """Values as JSON has them: tuples become lists."""
    return [list(each) if isinstance(each, tuple) else each for each in values]
