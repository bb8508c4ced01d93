"""Parallel coordinates: which settings the runs of one approach had, and what loss each of them reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.approaches import approaches
from musicgen.comparison.runs import MISSING, differing_settings, standing
from pages.ui.charts import show_figure
from pages.ui.charts.run_curves import parallel_figure
from pages.versus.standings import NEWEST

if TYPE_CHECKING:
    from musicgen.runs.api import Run

MAX_AXES = 9
NOT_AXES = ("approach", "songs")


def draw_parallel() -> None:
    """Opened on demand: the drawing library is large."""
    if not st.toggle("Show which settings led to which loss", key="versus_parallel", persist_state="session"):
        return
    by_approach = _comparable_runs()
    if not by_approach:
        st.caption("This needs two runs of one approach that differ in a setting and have finished an epoch.")
        return
    known = approaches()
    key = st.selectbox(
        "Approach", list(by_approach), key="versus_approach", persist_state="session",
        format_func=lambda name: known[name].title if name in known else name,
    )  # fmt: skip
    runs = by_approach[key]
    settings = [each for each in differing_settings(runs) if each.name not in NOT_AXES]
    axes = [(each.title, [None if v is MISSING else v for v in each.values]) for each in settings[:MAX_AXES]]
    losses = [float(standing(run).loss or 0.0) for run in runs]
    alt = "Parallel coordinates: one line for each run through its settings to its best loss"
    show_figure(parallel_figure(axes, losses), key="versus_coordinates", alt=alt)
    st.caption(
        f"{len(runs)} runs; the more violet a line, the lower its loss. Drag along an axis to keep only some runs."
    )


def _comparable_runs() -> dict[str, list[Run]]:
    """approach → its newest runs that have a validation loss, where at least two of them differ in a setting."""
    from musicgen.runs.api import list_runs

    found: dict[str, list[Run]] = {}
    for run in list_runs(limit=NEWEST):
        if standing(run).is_validation:
            found.setdefault(run.approach, []).append(run)
    return {
        key: runs
        for key, runs in found.items()
        if any(each.name not in NOT_AXES for each in differing_settings(runs)) and len(runs) > 1
    }
