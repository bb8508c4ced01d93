"""Loss curves, with the floors that show what a loss means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from musicgen.evaluation.curves import useful_floors
from pages.ui.charts.colours import ACCENT, GRID, LINE, MARK, REFERENCE
from pages.ui.charts.layout import LEGEND, base_layout, plain

LABEL_HEIGHT = 15.0  # pixels
MARGINS = 90  # pixels above and below the curves
WIDE = 50.0  # losses and floors that differ by more than this factor get a logarithmic axis


def loss_figure(
    history: Sequence[Mapping[str, Any]],
    floors: Mapping[str, float] | None = None,
    best_epoch: int | None = None,
    *,
    epochs: int | None = None,
    height: int = 270,
) -> dict[str, Any]:
    """Training and validation loss by epoch (rows of a run's history), floors as dashed lines, a ring for the best one.

    Floors that a blind guess beats are not drawn. `epochs`: how many were requested, so that the axis shows how many
    are left.
    """
    traces = [_curve(history, "loss", "training", REFERENCE)]
    if any(row.get("val_loss") is not None for row in history):
        traces.append(_curve(history, "val_loss", "validation", ACCENT))
    if best := next((row for row in history if row["epoch"] == best_epoch), None):
        traces.append(_best(best))
    layout = base_layout(
        height, top=30, hovermode="x unified", showlegend=True, legend=LEGEND, shapes=[], annotations=[]
    )
    last = max([epochs or 1, *(int(row["epoch"]) for row in history)])
    layout["xaxis"] = {
        "title": {"text": "epoch", "standoff": 6}, "range": [0.5, last + 0.5], "gridcolor": GRID, "linecolor": LINE,
        "tickformat": "d", "tick0": 1, "dtick": max(1, round(last / 10)), "zeroline": False,
    }  # fmt: skip
    layout["yaxis"] = {"gridcolor": GRID, "zeroline": False, "rangemode": "normal"}
    levels = useful_floors(floors or {})
    values = [*levels.values(), *(value for trace in traces for value in trace["y"] if value is not None)]
    is_log = _is_wide(values)
    if is_log:
        layout["yaxis"] |= {"type": "log", "dtick": 1, "exponentformat": "power"}
    shifts = _label_shifts(list(levels.values()), values, is_log, height - MARGINS)
    for (name, level), shift in zip(levels.items(), shifts, strict=True):
        _draw_floor(layout, name, level, is_log, shift)
    return {"data": traces, "layout": layout}


def _is_wide(values: Iterable[float]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and min(known) > 0 and max(known) / min(known) > WIDE


def _curve(history: Sequence[Mapping[str, Any]], column: str, name: str, colour: str) -> dict[str, Any]:
    rows = [row for row in history if row.get(column) is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(rows) < 40 else "lines",
        "x": [row["epoch"] for row in rows],
        "y": [row[column] for row in rows],
        "name": name,
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5},
        "hovertemplate": "%{y:.4g}",
    }


def _best(row: Mapping[str, Any]) -> dict[str, Any]:
    value = row.get("val_loss")
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [row["epoch"]],
        "y": [row["loss"] if value is None else value],
        "name": f"best: epoch {row['epoch']}",
        "marker": {"size": 11, "color": "rgba(0,0,0,0)", "line": {"color": MARK, "width": 2.5}},
        "hoverinfo": "skip",
    }


def _label_shifts(levels: Sequence[float], values: Sequence[float], is_log: bool, height: int) -> list[float]:
    """How many pixels to move the label of each floor up so that none covers another; `values`: all that is drawn."""
    scale = math.log10 if is_log else float
    low, high = (scale(each) for each in (min(values, default=0.0), max(values, default=1.0)))
    pixel = {level: (scale(level) - low) / ((high - low) or 1.0) * height for level in levels}
    shifts, free_from = {}, -math.inf
    for level in sorted(levels):
        placed = max(pixel[level], free_from)
        shifts[level] = placed - pixel[level]
        free_from = placed + LABEL_HEIGHT
    return [shifts[level] for level in levels]


def _draw_floor(layout: dict[str, Any], name: str, level: float, is_log: bool, shift: float) -> None:
    layout["shapes"].append(
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level,
            "line": {"color": LINE, "width": 1.5, "dash": "dash"},
        }
    )  # fmt: skip
    layout["annotations"].append(
        {
            "xref": "paper", "x": 1, "xanchor": "right",
            # On a logarithmic axis, plotly places shapes by their value but annotations by its logarithm.
            "y": math.log10(level) if is_log else level, "yanchor": "bottom", "showarrow": False,
            "yshift": round(shift, 1),
            "text": plain(f"{name.replace('_', ' ')} {level:.4g}"), "font": {"size": 11},
        }
    )  # fmt: skip
