"""How long a trial trains: all trials of a study have as much work as the preset, whatever the size of their networks.

A network that is twice as large, or sees twice as many steps in an epoch, gets half of the epochs. Work is counted, not
timed, so that the same study gives the same trials on a busy and on an idle machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.runs.plans import Plan

# What a step and an epoch cost besides arithmetic, in operations: calls, memory traffic, a checkpoint, validation.
# Rough: the order of magnitude on two cores. They matter for small networks, which do little else.
OPERATIONS_A_STEP = 5e7
OPERATIONS_AN_EPOCH = 2e9
TOO_MUCH = 1.25  # times the work of the preset: more is not comparable


def effort(plan: Plan) -> float:
    """The work of one epoch, in floating-point operations."""
    n_steps = plan.flops_per_epoch / plan.flops_per_step if plan.flops_per_step else 1.0
    return plan.flops_per_epoch + n_steps * OPERATIONS_A_STEP + OPERATIONS_AN_EPOCH


def epochs_for(work: float, effort_an_epoch: float, *, most: int) -> int | None:
    """How many epochs this work is enough for; None if even one would be too much."""
    epochs = max(1, round(work / effort_an_epoch))
    if epochs * effort_an_epoch > TOO_MUCH * work and epochs == 1:
        return None
    return min(epochs, most)


def most_epochs(model: Any) -> int:
    """The bound of the approach on `epochs`."""
    return int(model.model_json_schema()["properties"]["epochs"].get("maximum", 10_000))


def scaled_patience(patience: int, epochs: int, epochs_of_preset: int) -> int:
    """Early stopping after the same share of the training."""
    return max(1, round(patience * epochs / epochs_of_preset)) if patience else 0


def same_task(floors: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Whether two trainings are scored on the same music in the same way: what is possible without a network is
    equal."""
    return floors.keys() == others.keys() and all(
        abs(floors[name] - others[name]) <= 1e-6 * max(1.0, abs(floors[name])) for name in floors
    )
