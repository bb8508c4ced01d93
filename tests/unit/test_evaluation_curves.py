"""What a curve is said to show is checked on curves whose shape is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from musicgen.evaluation.curves import memorising_since, row_loss, shape_of, useful_floors


def rows(losses: list[float], validation: list[float] | None = None) -> list[dict[str, float | int | None]]:
    checked = validation or [None] * len(losses)
    return [
        {"epoch": number, "loss": loss, "val_loss": held_out}
        for number, (loss, held_out) in enumerate(zip(losses, checked, strict=True), 1)
    ]


def falling(start: float, end: float, epochs: int) -> list[float]:
    """Exponential decay, nearly at its end after half of the epochs."""
    return [end + (start - end) * math.exp(-12 * number / epochs) for number in range(epochs)]


@pytest.mark.parametrize(
    ("losses", "validation", "shape"),
    [
        ([5.0], None, "short"),
        ([5.0, 2.0], [5.0, 2.0], "short"),
        ([8.41, 8.40, 8.41, 8.40, 8.40], [8.45, 8.44, 8.45, 8.44, 8.44], "flat"),
        ([12_099_180.0] * 6, None, "flat"),
        (falling(5, 2, 40), falling(5.2, 2.4, 40), "settled"),
        ([5.0, 4.5, 4.0, 3.5, 3.0], [5.1, 4.6, 4.1, 3.6, 3.2], "falling"),
        (np.linspace(5, 3, 50).tolist(), None, "falling"),
        ([5, 4, 3, 2, 1.5, 1.0], [5, 4, 3.5, 3.8, 4.2, 4.8], "memorising"),
        ([5.0, 5.5, 6.0, 7.0], [5.0, 5.5, 6.0, 7.0], "rising"),
        ([5.0, 3.0, 3.2, 9.0], None, "rising"),
        ([3.0] * 6, [3.0, 3.2, 3.5, 4.0, 4.5, 5.0], "held_out_rising"),
        ([3.0, 2.999, 3.0, 3.001], [3.0, 3.01, 3.0, 3.02], "flat"),
        ([8.41, math.nan, 8.41, 8.40, 8.41], None, "flat"),
        ([5.0, 4.5, 4.0, 3.5, 3.0, math.inf], None, "falling"),
        ([5.0, math.nan, math.nan], None, "short"),
        ([-1.0, -1.5, -2.0, -2.5], None, "falling"),
        ([-2.0, -2.005, -2.001, -2.004], None, "flat"),
    ],
)
def test_the_shape_of_known_curves(losses: list[float], validation: list[float] | None, shape: str) -> None:
    assert shape_of(rows(losses, validation)) == shape


def test_a_resumed_run_is_one_curve() -> None:
    first, second = falling(5, 3, 20), falling(3, 2, 20)
    assert shape_of(rows([*first, *second])) == "settled"


@pytest.mark.parametrize(
    ("floors", "kept"),
    [
        ({"uniform": 4.2, "unigram": 3.1, "bigram": 2.4}, {"uniform", "unigram", "bigram"}),
        ({"uniform": 4.2, "unigram": 3.1, "bigram": 4.3}, {"uniform", "unigram"}),
        ({"uniform": 4.2, "unigram": 4.2}, {"uniform"}),
        ({"zero (the mean)": 1.0, "repeat the last block": 1.7}, {"zero (the mean)"}),
        ({"persistence": 12.0, "linear": 10.0}, {"persistence", "linear"}),
        ({"uniform": 4.2, "unigram": math.inf, "bigram": math.nan}, {"uniform"}),
        ({}, set()),
    ],
)
def test_a_floor_that_a_blind_guess_beats_is_none(floors: dict[str, float], kept: set[str]) -> None:
    assert set(useful_floors(floors)) == kept


def test_memorising_is_found_after_the_best_epoch() -> None:
    history = rows([3.0, 2.0, 1.5, 1.2, 1.0], [3.0, 2.0, 2.2, 2.4, 2.6])
    assert memorising_since(history) == 3
    assert memorising_since(history[:4]) is None


def test_noise_is_not_memorising() -> None:
    assert memorising_since(rows([3.0, 2.0, 1.999, 1.998, 1.99], [3.0, 2.0, 2.001, 2.002, 2.01])) is None


def test_a_loss_that_is_not_finite_counts_for_nothing() -> None:
    assert row_loss({"loss": math.nan, "val_loss": None}) is None
    assert row_loss({"loss": 2.0, "val_loss": math.inf}) is None
    assert row_loss({"loss": 2, "val_loss": None}) == 2.0
