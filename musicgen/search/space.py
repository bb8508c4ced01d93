"""The parameters that a search may change: each with a list of values, and its place in that list.

Everything is a place in a list of plain numbers, so that a proposal is the same before and after it was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.contract.applicability import applies
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import Parameters, read_parameters
from musicgen.errors import InvalidInput, InvalidParameter, sentence

A_DECADE = 8  # values of a logarithmic grid from one power of ten to the next
ALONG = 15  # equal steps of a linear grid, at most
ROUND = (1, 2, 2.5, 5)  # steps that give plain numbers, with any power of ten


@dataclass(frozen=True)
class Knob:
    """One parameter of a search.

    Attributes:
        values: JSON, from small to large if `ordered`. start: the place of the preset's value.
    """

    name: str
    title: str
    values: list[Any]
    ordered: bool
    start: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def place(self, value: Any) -> int:
        """The place of a value."""
        return self.values.index(value)


def knobs_from_json(documents: Sequence[Mapping[str, Any]]) -> list[Knob]:
    return [Knob(**document) for document in documents]


def search_space(approach: Approach, training: Parameters, fixed: Sequence[str], *, by_ear: bool = False) -> list[Knob]:
    """The knobs of a search that starts from these parameters, without those that are fixed and those that have no
    effect. `by_ear`: with those too whose good the loss does not see. Raises InvalidInput if none is left."""
    values = training.model_dump(mode="json")
    knobs = []
    for name, entry in approach.Training.model_json_schema()["properties"].items():
        is_searched = "search" in entry and (by_ear or not entry["search"].get("by_ear_only", False))
        if is_searched and name not in fixed and applies(entry.get("applies_when", {}), values):
            found = [value for value in grid(entry["search"]) if _is_valid(approach, values, name, value)]
            listed = _with_start(found, values[name], entry["search"].get("ordered", True))
            knob = Knob(name, entry["title"], listed, entry["search"].get("ordered", True), listed.index(values[name]))
            if len(listed) > 1:
                knobs.append(knob)
    if not knobs:
        rule = f"A search of {approach.title} needs at least one parameter that it may change"
        raise InvalidInput(sentence(rule, "none, because all are fixed", "Fix fewer of them."))
    return knobs


def _is_valid(approach: Approach, values: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a value is possible beside those of the preset."""
    try:
        read_parameters(approach.Training, {**values, name: value})
    except InvalidParameter:
        return False
    return True


def grid(document: Mapping[str, Any]) -> list[Any]:
    """The values of a search range, as in `searching.search_document`."""
    if "values" in document:
        return list(document["values"])
    low, high = float(document["low"]), float(document["high"])
    if document["log"]:
        count = round(A_DECADE * np.log10(high / low)) + 1
        points = [float(point) for point in np.geomspace(low, high, count)]
    else:
        sizes = [one * 10.0**power for power in range(-4, 4) for one in ROUND]
        step = next(size for size in sizes if (high - low) / size <= ALONG + 1e-9)
        points = [low + step * number for number in range(int((high - low) / step + 1e-9) + 1)]
    return list(dict.fromkeys(float(f"{point:.3g}" if not document["log"] else f"{point:.2g}") for point in points))


def _with_start(values: list[Any], start: Any, ordered: bool) -> list[Any]:
    """The values with the preset's own among them, which may lie outside the range."""
    if start in values:
        return values
    return sorted([*values, start]) if ordered else [*values, start]
