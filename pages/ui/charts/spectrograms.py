"""Spectrograms: level in dB over time and frequency, as one-byte heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages.ui.charts.colours import SPECTRUM
from pages.ui.charts.lanes import Lane, base_layout, row_title, stacked, time_axis, time_range

RANGE_DB = 80.0


def spectrogram_figure(lanes: Sequence[Lane], *, row_height: int = 200) -> dict[str, Any]:
    """One row for each lane, one colour scale: 80 dB below the loudest point of all lanes."""
    start, stop = time_range(lanes)
    pictures = [lane.clip.spectrogram(lane.start_seconds, lane.stop) for lane in lanes]
    levels = [picture.level_db + lane.gain_db for lane, picture in zip(lanes, pictures, strict=True)]
    loudest = max((float(level.max()) for level in levels if level.size), default=0.0)
    layout = base_layout(66 + row_height * max(len(lanes), 1), annotations=[], hovermode="closest")
    traces: list[dict[str, Any]] = []
    for number, (lane, picture, level, (bottom, top)) in enumerate(
        zip(lanes, pictures, levels, stacked(max(len(lanes), 1)), strict=False), 1
    ):
        axis = "" if number == 1 else str(number)
        traces.append(_heatmap(picture, level, lane, loudest) | {"yaxis": f"y{axis}"})
        layout[f"yaxis{axis}"] = frequency_axis(picture.frequency, bottom, top)
        layout["annotations"].append(row_title(lane.title, top))
    layout["xaxis"] = time_axis(start, stop, anchor=f"y{len(lanes)}" if len(lanes) > 1 else "y", showgrid=False)
    return {"data": traces, "layout": layout}


def _heatmap(picture: Any, level: Any, lane: Lane, loudest: float) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": (picture.time + lane.shift_seconds).astype(np.float32),
        "y": np.arange(len(picture.frequency)),
        "z": np.clip(np.rint(level), -127, 0).astype(np.int8),  # a byte for each cell, and the hover still says dB
        "zmin": loudest - RANGE_DB,
        "zmax": loudest,
        "colorscale": SPECTRUM,
        "showscale": False,
        "customdata": None,
        "hovertemplate": "%{x:.2f} s<br>%{z} dB<extra></extra>",
    }


def frequency_axis(frequency: Any, bottom: float, top: float) -> dict[str, Any]:
    """The bands lie at equal distances (they are spaced as the ear hears); round frequencies are written at theirs."""
    round_ones = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000]
    inside = [value for value in round_ones if len(frequency) and frequency[0] <= value <= frequency[-1]]
    return {
        "domain": [bottom, top],
        "tickvals": [float(np.interp(value, frequency, np.arange(len(frequency)))) for value in inside],
        "ticktext": [f"{value // 1000} kHz" if value >= 1000 else f"{value} Hz" for value in inside],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
