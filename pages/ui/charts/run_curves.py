"""Loss curves of several runs over each other, and their settings as parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from musicgen.evaluation.curves import row_loss, useful_floors
from pages.ui.charts.colours import ACCENT, GRID, LINE, RUNS
from pages.ui.charts.layout import LEGEND, base_layout, plain
from pages.ui.text import shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Run

NAME_LENGTH = 36
WIDE = 50.0  # values that differ by more than this factor are drawn by their logarithm


def run_curves_figure(runs: Sequence[Run], *, height: int = 300) -> dict[str, Any]:
    """The counting loss of each run by epoch; its lowest useful floor as a dashed line of the same colour."""
    traces: list[dict[str, Any]] = []
    for number, run in enumerate(runs):
        colour = RUNS[number % len(RUNS)]
        name = plain(shorten(run.name, NAME_LENGTH))
        rows = [row for row in run.history if row_loss(row) is not None]
        epochs = [row["epoch"] for row in rows]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers" if len(rows) < 40 else "lines", "x": epochs,
                "y": [row_loss(row) for row in rows], "name": name, "line": {"color": colour, "width": 2},
                "marker": {"size": 5}, "hovertemplate": "%{y:.4g}",
            }
        )  # fmt: skip
        floors = useful_floors(run.prepared.get("floors") or {})
        if floors and epochs:
            low = min(floors, key=lambda key: floors[key])
            traces.append(
                {
                    "type": "scatter", "mode": "lines", "x": [min(epochs), max(epochs)], "y": [floors[low]] * 2,
                    "name": f"{name}: floor {plain(low.replace('_', ' '))}", "showlegend": False,
                    "line": {"color": colour, "width": 1.2, "dash": "dash"}, "hovertemplate": "%{y:.4g}",
                }
            )  # fmt: skip
    layout = base_layout(height, top=30, hovermode="x unified", showlegend=True, legend=LEGEND)
    layout["xaxis"] = {"title": {"text": "epoch", "standoff": 6}, "gridcolor": GRID, "linecolor": LINE}
    layout["yaxis"] = {"gridcolor": GRID, "zeroline": False}
    values = [value for trace in traces for value in trace["y"] if value is not None]
    if values and min(values) > 0 and max(values) / min(values) > WIDE:
        layout["yaxis"] |= {"type": "log", "dtick": 1, "exponentformat": "power"}
    return {"data": traces, "layout": layout}


def parallel_figure(
    settings: Sequence[tuple[str, Sequence[Any]]], losses: Sequence[float], *, height: int = 320
) -> dict[str, Any]:
    """One line for each run through its settings to its loss.

    Args:
        settings: (title, value for each run). losses: of each run.
    """
    axes = [_axis(title, values) for title, values in settings]
    trace = {
        "type": "parcoords", "dimensions": [*axes, {"label": "best loss", "values": list(losses)}],
        "line": {"color": list(losses), "colorscale": [[0, ACCENT], [1, LINE]], "showscale": False},
        "labelangle": -12,
    }  # fmt: skip
    layout = base_layout(height, top=70)
    layout["margin"] |= {"l": 70, "r": 70, "b": 20}
    return {"data": [trace], "layout": layout}


def _axis(title: str, values: Sequence[Any]) -> dict[str, Any]:
    """Numbers on a scale (by their logarithm where they are far apart); anything else as named places."""
    label = plain(shorten(title, 22))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        if min(values) > 0 and max(values) / min(values) >= WIDE:
            places = sorted(set(values))
            return {
                "label": label, "values": [math.log10(value) for value in values],
                "tickvals": [math.log10(value) for value in places], "ticktext": [f"{value:g}" for value in places],
            }  # fmt: skip
        return {"label": label, "values": list(values)}
    names = sorted({str(value) for value in values})
    return {
        "label": label, "values": [names.index(str(value)) for value in values],
        "tickvals": list(range(len(names))), "ticktext": [plain(shorten(name, 16)) for name in names],
    }  # fmt: skip
