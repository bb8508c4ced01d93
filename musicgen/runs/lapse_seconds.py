"""What the short pieces of trainings took on this machine, to know beforehand whether another one fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from musicgen.runs.lapse_budget import PieceSeconds
from musicgen.runs.locks import FileLock
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

FILE = "lapse_seconds.json"
FORGETS = 0.5  # a piece that took less lowers what is expected by half at most: its loops may have been compiled before


def expected_seconds(approach: str, device: str) -> PieceSeconds:
    """As measured in the newest trainings of this approach, else a guess."""
    found = _stored().get(f"{approach}/{device}")
    return PieceSeconds() if found is None else PieceSeconds(*found)


def remember_seconds(approach: str, device: str, took: Sequence[float], *, were_compiled: bool = False) -> None:
    """`took`: seconds of the pieces of one training, in order; with `were_compiled`, the first one compiled nothing."""
    if not took:
        return
    with FileLock(home() / ".lapse_seconds.lock"):
        stored, key = _stored(), f"{approach}/{device}"
        before = stored.get(key, [0.0, 0.0])
        later = max(took if were_compiled else took[1:], default=before[1] or PieceSeconds().next)
        first = (before[0] or PieceSeconds().first) if were_compiled else max(took[0], FORGETS * before[0])
        now = [first, max(later, FORGETS * before[1])]
        write_json(home() / FILE, {**stored, key: now})


def _stored() -> dict[str, list[float]]:
    try:
        found = read_json(home() / FILE, {})
        return {str(key): pair for key, value in found.items() if len(pair := _seconds(value)) == 2}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _seconds(value: Any) -> list[float]:
    return [float(each) for each in value if math.isfinite(float(each)) and 0 <= float(each) < 1e5]
