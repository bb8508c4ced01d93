"""How unlike its songs a piece of notes is, from all the bounds of `musical_rules` at once.

A logistic regression on how far the piece is beyond each bound, fitted to real pieces and to constructed bad ones by
`python -m scripts.fit_verdicts`. Light: pages import it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from musicgen.evaluation.musical_rules import BOUNDS
from musicgen.evaluation.verdict import Metrics

WEIGHTS = Path(__file__).resolve().parents[2] / "assets" / "verdicts" / "notes.json"
LEAST, MOST = -3.0, 4.0  # of an excess that counts: a single bound says only so much
UNKNOWN = -1.0  # the excess where nothing is known: like the most extreme song


def terms(metrics: Metrics, learned: Metrics) -> list[float]:
    """What is weighed, three numbers for each bound: how far the piece is within what the songs do, how far in the
    margin beyond them (0 to 1), and how far beyond the limit."""
    found: list[float] = []
    for bound in BOUNDS:
        excess = bound.excess(metrics, learned)
        counted = UNKNOWN if excess is None else min(max(excess, LEAST), MOST)
        found += [min(counted + 1.0, 0.0), min(max(counted + 1.0, 0.0), 1.0), max(counted, 0.0)]
    return found


def unlikeness(metrics: Metrics, learned: Metrics) -> float:
    """Above 0: more unlike its songs than nearly every real piece is."""
    offset, weights = _fitted()
    return offset + sum(weight * term for weight, term in zip(weights, terms(metrics, learned), strict=True))


@cache
def _fitted() -> tuple[float, tuple[float, ...]]:
    """(offset, weights in the order of `terms`)."""
    found = json.loads(WEIGHTS.read_text("utf-8"))
    return float(found["offset"]), tuple(float(each) for bound in BOUNDS for each in found["weights"][bound.metric])
