"""A histogram of how often tokens occur, and which of them a threshold leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages.ui.charts.colours import ACCENT, GRID, LINE, MARK, REFERENCE, faded
from pages.ui.charts.layout import LEGEND, base_layout

N_BINS = 18


def frequency_figure(counts: Sequence[int], threshold: int, *, height: int = 190) -> dict[str, Any]:
    """Tokens by how often they occur (in bins of growing width): those kept, those left out, and the threshold between
    them. `counts`: occurrences of every distinct token."""
    occurrences = np.asarray(counts, dtype=np.int64)
    edges = _edges(int(occurrences.max(initial=1)))
    sides = (
        ("kept", occurrences >= threshold, ACCENT),
        ("left out", occurrences < threshold, REFERENCE),
    )
    layout = base_layout(height, top=30, hovermode="x", showlegend=True, legend=LEGEND, barmode="stack", dragmode=False)
    layout["xaxis"] = {
        "type": "log", "range": [float(np.log10(edges[0])), float(np.log10(max(edges[-1], threshold * 1.1)))],
        "title": {"text": "how often a token occurs", "standoff": 6}, "gridcolor": GRID, "linecolor": LINE,
        "zeroline": False, "fixedrange": True, "tickvals": _ticks(edges[-1]), "tickformat": ",d",
    }  # fmt: skip
    tallest = int(np.histogram(occurrences, edges)[0].max(initial=1))
    layout["yaxis"] = {
        "title": {"text": "tokens", "standoff": 4}, "gridcolor": GRID, "zeroline": False, "fixedrange": True,
        "range": [0, 1.25 * tallest],
    }  # fmt: skip
    low, high = layout["xaxis"]["range"]
    at = max(threshold, 1) - 0.5
    layout["shapes"] = [_line_at(at, threshold, "left" if np.log10(at) < (low + high) / 2 else "right")]
    return {"data": [_side(name, occurrences[mine], edges, colour) for name, mine, colour in sides], "layout": layout}


def _edges(most: int) -> np.ndarray:
    """Half-way between whole numbers: 0.5, 1.5, 2.5, 4.5 …, each bin wider than the one before."""
    return np.unique(np.round(np.geomspace(1, most + 1, N_BINS + 1)).astype(np.int64)) - 0.5


def _side(name: str, occurrences: np.ndarray, edges: np.ndarray, colour: str) -> dict[str, Any]:
    found, _ = np.histogram(occurrences, edges)
    first, last = (edges[:-1] + 0.5).astype(int), (edges[1:] - 0.5).astype(int)
    spans = [f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in zip(first, last, strict=True)]
    return {
        "type": "bar", "name": name, "x": ((edges[:-1] + edges[1:]) / 2).tolist(), "y": found.tolist(),
        "width": np.diff(edges).tolist(), "marker": {"color": faded(colour, 0.8), "line": {"width": 0}},
        "customdata": spans, "hovertemplate": "%{y} tokens occur %{customdata} times<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _line_at(x: float, threshold: int, side: str) -> dict[str, Any]:
    return {
        "type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": MARK, "width": 2},
        "label": {
            "text": f"threshold {threshold:,}", "textposition": "end", "textangle": 0, "xanchor": side,
            "yanchor": "top", "font": {"size": 11, "color": MARK},
        },
    }  # fmt: skip


def _ticks(most: float) -> list[int]:
    return [value * 10**power for power in range(7) for value in (1, 2, 5) if value * 10**power <= most]
