"""Which parameters a computation reads: its result is the same for all settings that agree in them.

So a plan can be kept for more than the settings it was made with: what `prepare` and `cost` never read, such as the
learning rate, cannot change it. Knows no approach, and no list of names to keep up to date.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from musicgen.contract.parameters import TrainingParameters

Model = TypeVar("Model", bound=TrainingParameters)


class Reads:
    """Names of the fields that were read so far; it grows as long as the traced parameters are used."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.names: set[str] = set()

    def settings(self) -> dict[str, Any]:
        """The fields that were read, with their values as JSON."""
        return {name: self.values[name] for name in sorted(self.names)}

    def hold_for(self, values: Mapping[str, Any]) -> bool:
        """Whether other parameters, as JSON, have the same values in all fields that were read."""
        return all(values.get(name) == self.values[name] for name in self.names)


def traced(parameters: Model) -> tuple[Model, Reads]:
    """The same parameters, and a list of what is read from them.

    Whatever looks at all fields at once (a comparison, a hash, a dump) counts as reading all of them."""
    reads = Reads(parameters.model_dump(mode="json"))
    return _traced(parameters, reads, frozenset()), reads


def _traced(parameters: Model, reads: Reads, replaced: frozenset[str]) -> Model:
    kind = type(parameters)
    fields = frozenset(kind.model_fields)

    def read(self: Any, name: str) -> Any:
        if name in fields:
            if name not in replaced:
                reads.names.add(name)
        elif name in ("__dict__", "__pydantic_fields_set__", "model_fields_set"):
            reads.names |= fields - replaced
        return kind.__getattribute__(self, name)

    def copy(self: Any, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
        changed = parameters.model_copy(update=update, deep=deep)
        return _traced(changed, reads, replaced | frozenset(update or ()))

    def equals(self: Any, other: object) -> bool:
        reads.names |= fields - replaced
        return parameters == other

    # Not by a class statement: that would make pydantic build all its schemas again.
    changed = {"__getattribute__": read, "model_copy": copy, "__eq__": equals, "__hash__": kind.__hash__}
    traced_kind = type.__new__(type(kind), kind.__name__, (kind,), changed)
    made = parameters.model_copy()
    object.__setattr__(made, "__class__", traced_kind)
    return made
