"""Waveforms as envelopes: lowest and highest sample of each of a thousand stretches, from the clip's zoom levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.charts.colours import GRID, LINE, ROLES, faded
from pages.ui.charts.lanes import Lane, base_layout, row_title, stacked, time_axis, time_range

N_POINTS = 1_000
CHANNELS = {1: ("",), 2: ("left", "right")}


def waveform_figure(lanes: Sequence[Lane], *, by_channel: bool = True, row_height: int = 110) -> dict[str, Any]:
    """One row for each lane (and channel, unless `by_channel` is off, which overlays them), one amplitude scale."""
    rows = [row for lane in lanes for row in _rows(lane, by_channel)]
    peak = max([float(np.abs(shape).max()) for _, _, _, *shapes in rows for shape in shapes if shape.size] or [0.0])
    start, stop = time_range(lanes)
    layout = base_layout(66 + row_height * max(len(rows), 1), annotations=[], hovermode=False)
    traces: list[dict[str, Any]] = []
    for number, ((title, lane, time, low, high), (bottom, top)) in enumerate(
        zip(rows, stacked(max(len(rows), 1)), strict=False), 1
    ):
        axis = "" if number == 1 else str(number)
        traces.append(_shape(time, low, high, ROLES[lane.role]) | {"xaxis": "x", "yaxis": f"y{axis}", "name": title})
        layout[f"yaxis{axis}"] = amplitude_axis(peak, bottom, top)
        layout["annotations"].append(row_title(title, top))
    layout["xaxis"] = time_axis(start, stop, anchor=f"y{len(rows)}" if len(rows) > 1 else "y")
    return {"data": traces, "layout": layout}


def _rows(lane: Lane, by_channel: bool) -> list[tuple[str, Lane, Any, Any, Any]]:
    envelope = lane.clip.envelope(lane.start_seconds, lane.stop, N_POINTS)
    time = envelope.time + lane.shift_seconds
    gain = np.float32(10 ** (lane.gain_db / 20))
    low, high = envelope.low * gain, envelope.high * gain
    n_channels = low.shape[0]
    if not by_channel or n_channels == 1:
        return [(lane.title, lane, time, low.min(axis=0), high.max(axis=0))]
    names = CHANNELS.get(n_channels) or [f"channel {number}" for number in range(1, n_channels + 1)]
    titles = [f"{lane.title} · {name}" if lane.title else name for name in names]
    return [(title, lane, time, low[channel], high[channel]) for channel, title in enumerate(titles)]


def _shape(time: NDArray[Any], low: NDArray[Any], high: NDArray[Any], colour: str) -> dict[str, Any]:
    """A closed shape along the tops and back along the bottoms; the thin edge keeps single samples visible."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([time, time[::-1]]).astype(np.float32),
        "y": np.concatenate([high, low[::-1]]).astype(np.float32),
        "fill": "toself",
        "fillcolor": faded(colour, 0.75),
        "line": {"color": colour, "width": 1},
        "hoverinfo": "skip",
    }


def amplitude_axis(peak: float, bottom: float, top: float) -> dict[str, Any]:
    """Symmetric, a little above the highest peak in view; full scale is 1."""
    reach = min(max(peak * 1.08, 0.01), 1.05)
    return {
        "range": [-reach, reach],
        "domain": [bottom, top],
        "gridcolor": GRID,
        "zerolinecolor": LINE,
        "nticks": 5,
        "fixedrange": True,
    }
