"""Conditions in lesson files, such as `best < bigram` or `long <= 0.9 * short`: two values, or one and a number.

Nothing is evaluated as a program. A condition with a value that was not measured does not hold.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from musicgen.errors import InvalidInput, sentence

Values = Mapping[str, float | None]

NUMBER = r"-?\d+(?:\.\d+)?"
NAME = r"[a-z][a-z0-9_]*"
CONDITION = re.compile(rf"\s*({NAME})\s*(<=|>=|<|>)\s*(?:({NUMBER})\s*\*\s*)?(?:({NAME})|({NUMBER}))\s*")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """`left` compared with `factor` times the value `right`, or with `factor` alone if `right` is empty."""

    left: str
    comparison: str
    factor: float
    right: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that it needs."""
        return (self.left, self.right) if self.right else (self.left,)

    def holds(self, values: Values) -> bool:
        left, right = values.get(self.left), values.get(self.right) if self.right else 1.0
        return left is not None and right is not None and COMPARISONS[self.comparison](left, self.factor * right)


def read_condition(text: str) -> Condition:
    """The condition that a text states. Raises InvalidInput."""
    found = CONDITION.fullmatch(text)
    if found is None or (found[3] and not found[4]):
        rule = "A condition compares a value with another or with a number, such as `best < 0.9 * bigram`"
        raise InvalidInput(sentence(rule, repr(text[:80])))
    left, comparison, factor, right, number = found.groups()
    return Condition(left, comparison, float(factor or number or 1.0), right or "")
