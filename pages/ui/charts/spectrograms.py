"""Spectrograms: level in dB over time and frequency, as heatmaps with one byte per cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages.ui.charts.colours import SPECTRUM
from pages.ui.charts.lanes import TITLE_HEIGHT, Lane, axis_name, base_layout, row_titles, stacked, time_axis, time_range

RANGE_DB = 80.0


def spectrogram_figure(lanes: Sequence[Lane], *, row_height: int = 220) -> dict[str, Any]:
    """One row per lane, one colour scale: from the loudest point of all lanes down to 80 dB below it."""
    domains = stacked(max(len(lanes), 1), row_height)
    titles = [lane.title for lane in lanes]
    layout = base_layout(row_height * len(domains), top=TITLE_HEIGHT if any(titles) else 8, hovermode="closest")
    layout["annotations"] = row_titles(titles, domains[: len(lanes)])
    layout["xaxis"] = time_axis(*time_range(lanes), anchor=axis_name("y", len(domains)), showgrid=False)
    pictures = [lane.clip.spectrogram(lane.start_seconds, lane.stop) for lane in lanes]
    levels = [picture.level_db + lane.gain_db for lane, picture in zip(lanes, pictures, strict=True)]
    loudest = max((float(level.max()) for level in levels if level.size), default=0.0)
    traces = []
    for number, (lane, picture, level) in enumerate(zip(lanes, pictures, levels, strict=True), 1):
        traces.append(_heatmap(picture, level, lane, loudest) | {"yaxis": axis_name("y", number)})
        layout[axis_name("yaxis", number)] = frequency_axis(picture.frequency, domains[number - 1])
    return {"data": traces, "layout": layout}


def _heatmap(picture: Any, level: Any, lane: Lane, loudest: float) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": (picture.time + lane.shift_seconds).astype(np.float32),
        "y": np.arange(len(picture.frequency)),
        "z": np.clip(np.rint(level), -127, 0).astype(np.int8),  # one byte per cell; the hover text still shows dB
        "zmin": loudest - RANGE_DB,
        "zmax": loudest,
        "colorscale": SPECTRUM,
        "showscale": False,
        "hovertemplate": "%{x:.2f} s<br>%{z} dB<extra></extra>",
    }


def frequency_axis(frequency: Any, domain: tuple[float, float]) -> dict[str, Any]:
    """The bands are drawn at equal distances (they follow human hearing), with labels at round frequencies."""
    round_ones = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000]
    inside = [value for value in round_ones if len(frequency) and frequency[0] <= value <= frequency[-1]]
    return {
        "domain": domain,
        "tickvals": [float(np.interp(value, frequency, np.arange(len(frequency)))) for value in inside],
        "ticktext": [f"{value // 1000} kHz" if value >= 1000 else f"{value} Hz" for value in inside],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
