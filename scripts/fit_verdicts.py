"""Fits the weights by which bounds are taken together (`musicgen.evaluation.unlikeness`); writes
assets/verdicts/notes.json.

    .venv/bin/python -m scripts.fit_verdicts [--pieces 40]

Every second piece of the music21 corpus is used, the half on which margins were set; `python -m scripts.verdicts`
measures the other half. Each real piece, and one bad piece of every kind made from it, is described beside eight and
beside three other pieces of its collection.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from musicgen.benchmarks.bad_pieces import MAKERS
from musicgen.benchmarks.judged_material import Material, note_material
from musicgen.benchmarks.judged_pieces import HeldClip, RulesOnly
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import musical_rules, note_rules
from musicgen.evaluation.unlikeness import WEIGHTS, terms

NUM_SONGS = (8, 3)
PENALTY = 0.3  # inverse strength: so much of the squared weights is forgiven
BLAMED = 0.015  # of the real pieces here, at most: half of them are judged by three songs only, the hardest case
SEED = 2

Metrics = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=40, help="most pieces of a collection")
    asked = parser.parse_args()
    rows = [row for row in described(list(note_material(1, asked.pieces))) if not already_blamed(*row[1:])]
    is_bad = np.array([row[0] for row in rows])
    table = np.array([terms(*row[1:]) for row in rows])
    weights, offset = fitted(table, is_bad)
    broken = np.array([any(bound.is_broken(*row[1:]) for bound in musical_rules.BOUNDS) for row in rows])
    scores = table @ weights + offset
    suspected = np.sort(scores[~is_bad & broken])[::-1]
    most = int(BLAMED * (~is_bad).sum())
    if suspected.size > most:
        offset -= float(suspected[most])
    by_bound = weights.reshape(len(musical_rules.BOUNDS), -1).round(4).tolist()
    found = {
        "offset": round(float(offset), 4),
        "weights": {bound.metric: each for bound, each in zip(musical_rules.BOUNDS, by_bound, strict=True)},
        "fitted_to": {"real": int((~is_bad).sum()), "bad": int(is_bad.sum())},
    }
    WEIGHTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    named = broken & (table @ weights + offset > 0)
    print(json.dumps({"blamed": float(named[~is_bad].mean()), "named": float(named[is_bad].mean())}))


def described(pieces: Sequence[Material]) -> Iterator[tuple[bool, Metrics, Metrics]]:
    """(whether it is a bad piece, its metrics, what its songs do)."""
    rng = np.random.default_rng(SEED)
    for number in NUM_SONGS:
        for piece in pieces:
            others = [each for each in pieces if each.collection == piece.collection and each.name != piece.name]
            chosen = [others[int(place)] for place in rng.permutation(len(others))[:number]]
            rules = RulesOnly([_song(each) for each in chosen])
            yield False, rules.metrics(piece.content), rules.learned
            for kind, make in MAKERS.items():
                if not kind.startswith("cop"):  # copies are like their songs
                    bad = make([each.content for each in chosen], piece.content, rng)
                    if bad is not None:
                        yield True, rules.metrics(bad), rules.learned


def _song(piece: Material) -> TrainingSong:
    clip: Any = HeldClip(piece.content)
    return TrainingSong(piece.name, piece.name, clip)


def already_blamed(metrics: Metrics, learned: Metrics) -> bool:
    """Whether a rule that needs no other says that it is bad, or too little is there to be judged."""
    is_short = metrics["num_notes"] < musical_rules.MIN_NOTES
    return is_short or any(rule(metrics, learned) is not None for rule in note_rules.RULES)


def fitted(table: NDArray[np.float64], is_bad: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """(weights, offset) of a logistic regression in which the real pieces count as much as the bad ones, and nothing
    beyond the songs speaks for a piece."""
    sign = np.where(is_bad, 1.0, -1.0)
    share = np.where(is_bad, 0.5 / is_bad.mean(), 0.5 / (~is_bad).mean())

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, offset = values[:-1], values[-1]
        margin = sign * (table @ weights + offset)
        slope = -share * sign / (1.0 + np.exp(np.clip(margin, -50, 50)))
        total = PENALTY * (share * np.logaddexp(0.0, -margin)).sum() + 0.5 * weights @ weights
        return float(total), PENALTY * np.append(table.T @ slope, slope.sum()) + np.append(weights, 0.0)

    bounds = [(None, None), (0.0, None), (0.0, None)] * (table.shape[1] // 3) + [(None, None)]
    start = np.zeros(table.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 5000})
    return found.x[:-1], float(found.x[-1])


if __name__ == "__main__":
    main()
