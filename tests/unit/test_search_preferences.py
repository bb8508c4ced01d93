"""What is liked, from comparisons by ear; which comparison is next; and that what is liked leads the search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from musicgen.search.preferences import MOST_UNHEARD, Judgement, likings, next_pair, unheard, waits
from musicgen.search.proposing import propose

KNOBS = [
    {"name": "rate", "title": "Rate", "values": list(range(12)), "ordered": True, "start": 10},
    {"name": "kind", "title": "Kind", "values": ["a", "b", "c"], "ordered": False, "start": 0},
]


def test_likings_are_the_most_probable_ones() -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.choice(7, 2, replace=False).tolist() for _ in range(40)]
    judged = [Judgement(one, other, str(rng.choice(["one", "other", "same"]))) for one, other in pairs]
    share = {"one": 1.0, "other": 0.0, "same": 0.5}

    def improbable(values: Any) -> float:
        total = float((values**2).sum()) / 2
        for each in judged:
            apart = values[each.one] - values[each.other]
            won = share[each.better]
            total += won * math.log1p(math.exp(-apart)) + (1 - won) * math.log1p(math.exp(apart))
        return total

    best = minimize(improbable, np.zeros(7)).x
    found = likings(judged)
    assert [found[number] for number in range(7)] == pytest.approx(best.tolist(), abs=1e-3)


def test_few_comparisons_say_little_and_no_difference_is_no_difference() -> None:
    assert likings([]) == {}
    assert likings([Judgement(0, 1, "same")]) == {0: 0.0, 1: 0.0}
    once = likings([Judgement(0, 1, "one")])
    assert once[0] == -once[1] == pytest.approx(0.3374, abs=1e-3), "x = 1 - logistic(2 x)"
    chain = likings([Judgement(0, 1, "one"), Judgement(2, 1, "other"), Judgement(2, 3, "one")])
    assert sorted(chain, key=lambda number: -chain[number]) == [0, 1, 2, 3]
    many = likings([Judgement(0, 1, "one")] * 500)
    assert many[0] == -many[1] > 1.5, "it comes to rest also where many comparisons agree"


def test_a_new_piece_meets_the_best_liked_one() -> None:
    assert next_pair([], []) is None
    assert next_pair([4], []) is None
    assert next_pair([4, 7], []) == (4, 7)
    judged = [Judgement(4, 7, "other")]
    assert next_pair([4, 7], judged) is None, "every pair was compared"
    assert next_pair([4, 7, 9], judged) == (7, 9)
    judged.append(Judgement(9, 7, "one"))
    assert next_pair([4, 7, 9], judged) == (4, 9)
    assert next_pair([4, 9], [Judgement(4, 9, "one")]) is None
    assert unheard([4, 7, 9, 12], judged) == [12]
    assert not waits(range(MOST_UNHEARD - 1), [])
    assert waits(range(MOST_UNHEARD), [])
    assert not waits(range(MOST_UNHEARD), [Judgement(0, 1, "same")])


def wanted(places: dict[str, int]) -> float:
    """How far a trial is from what the listener likes."""
    return abs(places["rate"] - 3) / 3 + (places["kind"] != 2)


def listen(folder: Path, seed: int, count: int) -> list[dict[str, int]]:
    """A search led by a listener who compares each new piece with the best one, and is wrong in one of eight cases;
    the trials from the best liked one on."""
    rng, known, judged = np.random.default_rng(seed), [], []  # type: ignore[var-annotated]
    for _ in range(count):
        liked = likings(judged)
        told = [
            {"state": "succeeded", "places": each, "value": -liked[at] if at in liked else None, "curve": []}
            for at, each in enumerate(known)
        ]
        request = {"folder": str(folder), "seed": seed, "knobs": KNOBS, "trials": told, "wants_trial": True}
        known.append(propose(request)["places"])
        if (pair := next_pair(range(len(known)), judged)) is not None:
            one, other = pair
            is_one = wanted(known[one]) < wanted(known[other])
            if wanted(known[one]) == wanted(known[other]):
                judged.append(Judgement(one, other, "same"))
            else:
                judged.append(Judgement(one, other, "one" if is_one != (rng.random() < 0.125) else "other"))
    liked = likings(judged)
    return [known[number] for number in sorted(liked, key=lambda number: -liked[number])]


def test_what_is_liked_leads_the_search(tmp_path: Path) -> None:
    """The preset is 10/3 away from what this listener likes."""
    found = [wanted(listen(tmp_path / f"study-{seed}", seed, 24)[0]) for seed in range(6)]
    assert np.median(found) <= 0.7, found
    assert max(found) < wanted({"rate": 10, "kind": 0}) - 0.5, found
