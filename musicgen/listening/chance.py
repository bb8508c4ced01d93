"""How likely a number of right answers is by guessing alone. Arithmetic only; knows no music."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95
SURE_BELOW = 0.05  # the usual limit: by guessing, one test in twenty gets below it


@dataclass(frozen=True)
class Chance:
    """Right answers compared with guessing.

    Attributes:
        p_value: probability of at least `n_right` right answers by guessing (exact, one-sided: above 1/2).
        wrong_share: share of wrong answers. low, high: its exact 95 % interval (Clopper-Pearson).
    """

    n_right: int
    n_rounds: int
    p_value: float
    wrong_share: float
    low: float
    high: float


def compare_with_guessing(n_right: int, n_rounds: int) -> Chance:
    """The exact binomial test for `n_right` of `n_rounds` (at least one round).

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26, 1934, for the interval."""
    from scipy.stats import binomtest  # half a second: only where there is a result

    interval = binomtest(n_rounds - n_right, n_rounds).proportion_ci(CONFIDENCE, method="exact")
    p_value = binomtest(n_right, n_rounds, 0.5, alternative="greater").pvalue
    wrong_share = (n_rounds - n_right) / n_rounds
    return Chance(n_right, n_rounds, float(p_value), wrong_share, float(interval.low), float(interval.high))


def p_words(p_value: float) -> str:
    """`p = 0.038`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.0005 else f"p = {p_value:.3f}"


def odds_words(p_value: float) -> str:
    """`3.8 of 100`, `1 of 10,000`: how often guessing does as well, for people."""
    if p_value >= 0.095:
        return f"{100 * p_value:.0f} of 100"
    if p_value >= 0.00095:
        return f"{100 * p_value:.1f} of 100"
    return f"{max(1e6 * p_value, 1.0):,.0f} of 1,000,000" if p_value >= 1e-6 else "fewer than 1 of 1,000,000"
