"""The arithmetic of blind tests, against tables that others printed."""

from __future__ import annotations

import math

import pytest

from musicgen.listening.chance import compare_with_guessing, odds_words, p_words
from musicgen.listening.results import confusion_words, verdict_words

# Upper tails of the binomial distribution with p = 1/2, as printed in statistical tables (four digits).
TABLE = {
    (10, 8): 0.0547, (10, 9): 0.0107, (10, 10): 0.0010, (12, 10): 0.0193, (15, 12): 0.0176, (16, 11): 0.1051,
    (16, 12): 0.0384, (16, 13): 0.0106, (20, 14): 0.0577, (20, 15): 0.0207, (25, 17): 0.0539, (25, 18): 0.0216,
}  # fmt: skip


@pytest.mark.parametrize(("rounds", "right"), TABLE)
def test_probabilities_are_those_of_the_tables(rounds: int, right: int) -> None:
    assert compare_with_guessing(right, rounds).p_value == pytest.approx(TABLE[rounds, right], abs=5e-5)


@pytest.mark.parametrize("rounds", range(10, 26))
def test_every_result_has_its_exact_probability(rounds: int) -> None:
    for right in range(rounds + 1):
        exact = sum(math.comb(rounds, k) for k in range(right, rounds + 1)) / 2**rounds
        assert compare_with_guessing(right, rounds).p_value == pytest.approx(exact, rel=1e-9)


def test_twelve_of_sixteen_in_words() -> None:
    chance = compare_with_guessing(12, 16)
    assert p_words(chance.p_value) == "p = 0.038"
    assert "3.8 of 100 tests" in verdict_words("real", chance)
    assert "could be told apart from the original" in verdict_words("real", chance)
    assert "could be told apart" in verdict_words("abx", chance)


def test_a_result_near_guessing_is_no_proof_of_anything() -> None:
    for right in (0, 8, 11):
        assert "does not show" in verdict_words("real", compare_with_guessing(right, 16))


def test_the_confusion_rate_with_its_interval() -> None:
    """Clopper and Pearson's interval for 7 of 16: 0.1975 to 0.7012."""
    chance = compare_with_guessing(9, 16)
    assert (chance.low, chance.high) == pytest.approx((0.1975, 0.7012), abs=1e-4)
    assert confusion_words(chance) == "Taken for real in 7 of 16 rounds (44 %; 95 % interval 20 to 70 %)"


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1.0, "100 of 100"),
        (0.1051, "11 of 100"),
        (0.0384, "3.8 of 100"),
        (0.0003, "300 of 1,000,000"),
        (3e-8, "fewer than 1"),
    ],
)
def test_odds_in_words(p_value: float, words: str) -> None:
    assert odds_words(p_value).startswith(words)
