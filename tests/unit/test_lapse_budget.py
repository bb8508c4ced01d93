"""How much of a training's time its short pieces may take: at most a twentieth, whatever happens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from musicgen.runs.lapse_budget import BETWEEN, SHARE, LapseBudget, PieceSeconds
from musicgen.runs.lapse_seconds import FILE, expected_seconds, remember_seconds


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def train(whole: float, epoch: float, first: float, later: float, expected: PieceSeconds) -> tuple[list[float], float]:
    """A training of `whole` seconds: (seconds of training before each piece, seconds spent on pieces)."""
    clock = Clock()
    budget = LapseBudget(expected, clock=clock)
    moments = []
    for number in range(1, int(whole / epoch) + 1):
        clock.now += epoch
        if budget.may_begin(whole - number * epoch):
            moments.append(number * epoch)
            with budget.spending():
                clock.now += later if len(moments) > 1 else first
    assert budget.trained == pytest.approx(whole)
    return moments, budget.spent


@pytest.mark.parametrize("whole", [20.0, 60.0, 119.0, 121.0, 300.0, 3600.0])
@pytest.mark.parametrize(("first", "later"), [(6.0, 0.3), (2.0, 2.0), (0.1, 0.1), (5.9, 5.9)])
def test_all_pieces_take_a_twentieth_of_the_training_at_most(whole: float, first: float, later: float) -> None:
    moments, spent = train(whole, 1.0, first, later, PieceSeconds(first, later))
    assert spent <= SHARE * whole + 1e-9
    assert bool(moments) == (first <= SHARE * whole)


def test_the_first_piece_comes_after_the_first_epoch_if_the_whole_training_can_pay_for_it() -> None:
    assert train(200.0, 2.0, 6.0, 0.3, PieceSeconds(6.0, 0.3))[0][0] == 2.0
    assert train(100.0, 2.0, 6.0, 0.3, PieceSeconds(6.0, 0.3))[0] == []


def test_pieces_are_half_a_minute_apart_or_a_part_of_a_short_training() -> None:
    moments, _ = train(600.0, 1.0, 6.0, 0.3, PieceSeconds(6.0, 0.3))
    gaps = {later - before for before, later in pairwise(moments)}
    assert gaps <= {BETWEEN, BETWEEN + 1}, gaps
    moments, _ = train(60.0, 1.0, 0.1, 0.1, PieceSeconds(0.1, 0.1))
    assert moments == [1, 11, 21, 31, 41, 51]


def test_dear_pieces_wait_until_they_fit() -> None:
    moments, spent = train(600.0, 1.0, 10.0, 10.0, PieceSeconds(10.0, 10.0))
    assert len(moments) == 3
    assert spent == 30.0
    assert moments[1] == pytest.approx(300.0)  # the first one is paid back by the whole training


def test_a_guess_that_was_too_low_costs_once_and_is_paid_back() -> None:
    moments, spent = train(600.0, 1.0, 40.0, 1.0, PieceSeconds(1.0, 1.0))
    assert moments == [1.0]
    assert spent == 40.0


def test_without_an_estimate_only_what_was_trained_counts() -> None:
    clock = Clock()
    budget = LapseBudget(PieceSeconds(1.0, 0.1), clock=clock)
    clock.now = 19.9
    assert not budget.may_begin(None)
    clock.now = 20.1
    assert budget.may_begin(None)


def test_a_piece_that_fails_counts() -> None:
    clock = Clock()
    budget = LapseBudget(PieceSeconds(), clock=clock)
    clock.now = 200.0

    def fail() -> None:
        with budget.spending():
            clock.now += 12.0
            raise MemoryError

    with pytest.raises(MemoryError):
        fail()
    assert budget.spent == 12.0
    assert budget.trained == 200.0
    clock.now += 40.0
    assert not budget.may_begin(10.0)


def test_what_pieces_took_is_remembered(home: Path) -> None:
    assert expected_seconds("voices", "cpu") == PieceSeconds()
    remember_seconds("voices", "cpu", [2.0, 0.1, 0.4])
    assert expected_seconds("voices", "cpu") == PieceSeconds(2.0, 0.4)
    remember_seconds("voices", "cpu", [0.1])  # the loops had been compiled before
    assert expected_seconds("voices", "cpu") == PieceSeconds(1.0, 0.4)
    remember_seconds("voices", "cpu", [9.0])
    assert expected_seconds("voices", "cpu") == PieceSeconds(9.0, 0.4)
    remember_seconds("voices", "cpu", [0.3, 0.2], were_compiled=True)  # says nothing of what compiling takes
    assert expected_seconds("voices", "cpu") == PieceSeconds(9.0, 0.3)
    remember_seconds("collage", "cpu", [0.3], were_compiled=True)
    assert expected_seconds("collage", "cpu") == PieceSeconds(next=0.3)
    assert expected_seconds("voices", "gpu:0") == PieceSeconds()
    for damaged in ("[]", '{"voices/cpu": 3}', '{"voices/cpu": ["x", 1]}', "{"):
        (home / FILE).write_text(damaged)
        assert expected_seconds("voices", "cpu") == PieceSeconds()
