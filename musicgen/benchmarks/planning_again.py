"""Seconds until the Train page has the plan for another number in its form: with what is remembered and the songs
prepared in a process that stays, against a process of its own for each plan, as before."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial

from musicgen.approaches import approach
from musicgen.benchmarks import Line
from musicgen.benchmarks.waiting import add_songs
from musicgen.runs import api
from musicgen.runs.planner import PLANNER

ROUNDS = 5
ANEW = "a process for each plan"
CASES = {
    "planning_epochs": ("note_lstm", "epochs"),
    "planning_size": ("note_lstm", "units"),
    "planning_windows": ("amplitude_lstm", "look_back"),
    "planning_windows_of_notes": ("note_lstm", "sequence_length"),
}


def _line(name: str, key: str, field: str) -> Line:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MUSICGEN_HOME": folder, "MUSICGEN_WARM_MINUTES": "5", "MUSICGEN_WARM_FREE_MB": "0"}
        songs, values = add_songs(key), approach(key).presets["quick"].training
        start = approach(key).Training(**values).model_dump()[field]

        def seconds(number: int, *, again_soon: bool) -> float:
            """`number`: another value each time. With another seed, nothing is remembered."""
            seed = 0 if again_soon else number
            began = time.perf_counter()
            api.plan_training(
                key, songs, {**values, field: start + number}, device="cpu", again_soon=again_soon, seed=seed
            )
            return time.perf_counter() - began

        try:
            seconds(0, again_soon=True)  # the form opens
            rounds = [
                (seconds(number, again_soon=True), seconds(ROUNDS + number, again_soon=False))
                for number in range(1, ROUNDS + 1)
            ]
        finally:
            PLANNER.close()
    ours, baseline = (statistics.median(times) for times in zip(*rounds, strict=True))
    unit = f"s from another value of {field} to the plan ({approach(key).title}, two songs)"
    return Line(name, ours, baseline, ANEW, unit, less_is_better=True)


LINES: dict[str, Callable[[], Line]] = {name: partial(_line, name, *case) for name, case in CASES.items()}
