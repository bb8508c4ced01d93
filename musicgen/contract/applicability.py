"""Which parameters have an effect, given the values of others: declared with `applies_when` where the parameter is.

The form shows only those. A value that has no effect is valid all the same, on the command line and in stored
requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Conditions = Mapping[str, Any]


@dataclass(frozen=True)
class Other:
    """Any value but this one, as in `applies_when={"num_windows": Other(0)}`."""

    value: Any


def conditions_document(conditions: Conditions) -> dict[str, dict[str, Any]]:
    """`applies_when` as it stands in the JSON schema: {"num_windows": {"not": 0}, "representation": {"is": "tokens"}}.

    Args:
        conditions: name of another parameter of the same model → its value. In a `Generation` model,
            "training.<name>" is a parameter that the network was trained with, and "prompt" is whether there is one.
    """
    return {
        name: {"not": wanted.value} if isinstance(wanted, Other) else {"is": wanted}
        for name, wanted in conditions.items()
    }


def applies(document: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> bool:
    """Whether all conditions of `conditions_document` are met. One on a value that is not known counts as met."""
    return all(
        name not in values or (values[name] == rule["is"] if "is" in rule else values[name] != rule["not"])
        for name, rule in document.items()
    )
