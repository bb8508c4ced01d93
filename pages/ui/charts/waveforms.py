"""Waveforms as envelopes: the lowest and highest sample of each of a thousand intervals, read from the zoom levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.charts.colours import GRID, LINE, ROLES, faded
from pages.ui.charts.lanes import TITLE_HEIGHT, Lane, axis_name, base_layout, row_titles, stacked, time_axis, time_range

N_POINTS = 1_000
CHANNELS = {1: ("",), 2: ("left", "right")}


@dataclass(frozen=True)
class WaveformRow:
    """One envelope to draw: a channel of a lane, or its channels overlaid."""

    title: str
    colour: str
    time: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]


def waveform_figure(lanes: Sequence[Lane], *, by_channel: bool = True, row_height: int = 110) -> dict[str, Any]:
    """One row per lane and channel, one amplitude scale. With `by_channel` off, the channels of a lane are overlaid."""
    rows = [row for lane in lanes for row in _rows(lane, by_channel)]
    domains = stacked(max(len(rows), 1), row_height)
    titles = [row.title for row in rows]
    top = TITLE_HEIGHT if any(titles) else 8
    layout = base_layout(row_height * len(domains), top=top, hovermode=False)
    layout["annotations"] = row_titles(titles, domains[: len(rows)])
    layout["xaxis"] = time_axis(*time_range(lanes), anchor=axis_name("y", len(domains)))
    reach = min(max(1.08 * max((row_peak(row) for row in rows), default=0.0), 0.01), 1.05)
    for number, domain in enumerate(domains, 1):
        layout[axis_name("yaxis", number)] = amplitude_axis(reach, domain)
    traces = [_shape(row) | {"yaxis": axis_name("y", number)} for number, row in enumerate(rows, 1)]
    return {"data": traces, "layout": layout}


def row_peak(row: WaveformRow) -> float:
    """The highest absolute sample of a row; 0 if it has no samples."""
    return float(max(np.abs(row.low).max(), np.abs(row.high).max())) if row.time.size else 0.0


def _rows(lane: Lane, by_channel: bool) -> list[WaveformRow]:
    envelope = lane.clip.envelope(lane.start_seconds, lane.stop, N_POINTS)
    time = envelope.time + lane.shift_seconds
    gain = np.float32(10 ** (lane.gain_db / 20))
    low, high = envelope.low * gain, envelope.high * gain
    n_channels = low.shape[0]
    colour = ROLES[lane.role]
    if not by_channel or n_channels == 1:
        return [WaveformRow(lane.title, colour, time, low.min(axis=0), high.max(axis=0))]
    names = CHANNELS.get(n_channels) or [f"channel {number}" for number in range(1, n_channels + 1)]
    titles = [f"{lane.title} · {name}" if lane.title else name for name in names]
    return [WaveformRow(title, colour, time, low[channel], high[channel]) for channel, title in enumerate(titles)]


def _shape(row: WaveformRow) -> dict[str, Any]:
    """A closed shape: along the highest samples and back along the lowest. A thin edge keeps single samples visible."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": row.title,
        "x": np.concatenate([row.time, row.time[::-1]]),
        "y": np.concatenate([row.high, row.low[::-1]]).astype(np.float32),
        "fill": "toself",
        "fillcolor": faded(row.colour, 0.75),
        "line": {"color": row.colour, "width": 1},
        "hoverinfo": "skip",
    }


def amplitude_axis(reach: float, domain: tuple[float, float]) -> dict[str, Any]:
    """Symmetric; full scale is 1."""
    return {
        "range": [-reach, reach],
        "domain": domain,
        "gridcolor": GRID,
        "zerolinecolor": LINE,
        "nticks": 5,
        "fixedrange": True,
    }
