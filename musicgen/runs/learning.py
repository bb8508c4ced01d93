"""What the losses of a run say about the weights of an epoch. Light."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from musicgen.errors import DamagedFile
from musicgen.evaluation.learned_little import learned_little
from musicgen.runs.damage import read_prepared
from musicgen.runs.folders import HISTORY, PREPARED, run_folder
from musicgen.runs.history import read_history


def verdicts_on_weights(run_id: str, epoch: int | None, *, medium: str) -> list[dict[str, Any]]:
    """The verdicts that every output of these weights gets, as JSON: at most one. None without a history or floors."""
    folder = run_folder(run_id)
    floors: dict[str, float] = {}
    with suppress(OSError, DamagedFile):  # without it, nothing is said
        floors = read_prepared(folder / PREPARED).get("floors") or {}
    verdict = learned_little(read_history(folder / HISTORY), floors, epoch, medium=medium)
    return [] if verdict is None else [verdict.to_json()]
