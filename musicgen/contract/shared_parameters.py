"""Parameters that several approaches have in common, so that one knob reads and works the same everywhere."""

from __future__ import annotations

from typing import Any, Literal

from musicgen.contract.parameters import TrainingParameters, parameter


def learning_rate(default: float) -> Any:
    """The learning rate of an approach whose own value is `default`."""
    return parameter(
        default, gt=0, le=1, title="Learning rate",
        help="Size of each step. Too large never settles; too small never arrives.",
    )  # fmt: skip


class Schedule(TrainingParameters):
    """How a training paces itself: what its recipe takes beside epochs, batch size and learning rate."""

    schedule: Literal["constant", "cosine"] = parameter(
        "constant", advanced=True, title="Learning-rate schedule",
        help="cosine slows down towards the end, and ends finer.",
    )  # fmt: skip
    gradient_clip: float = parameter(
        0.0, ge=0, le=1e6, advanced=True, title="Gradient clipping",
        help="Longest step that one batch may ask for; 0 for none. 1 helps against a loss that jumps.",
    )  # fmt: skip
    weight_decay: float = parameter(
        0.0, ge=0, le=1, advanced=True, title="Weight decay",
        help="Pulls weights towards 0; keeps little music from being learned by heart.",
    )  # fmt: skip
    patience: int = parameter(
        0, ge=0, le=100_000, unit="epochs", advanced=True, title="Early stopping",
        help="Stop after so many epochs without a better held-out loss; 0 never stops early.",
    )  # fmt: skip
