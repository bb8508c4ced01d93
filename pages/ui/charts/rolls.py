"""Piano rolls: notes as bars in one colour per track; very many notes as an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages.ui.charts.colours import GRID, ROLES, TRACKS
from pages.ui.charts.lanes import (
    LEGEND,
    TITLE_HEIGHT,
    Lane,
    axis_name,
    base_layout,
    plain,
    row_titles,
    stacked,
    time_axis,
    time_range,
)

MAX_BARS = 1_500
N_COLUMNS = 900
BAR_GAP = 0.0025  # share of the view; separates repeated notes


def roll_figure(lanes: Sequence[Lane], *, row_height: int = 260, track_names: Sequence[str] = ()) -> dict[str, Any]:
    """One row per lane, one pitch axis. A `single` lane is coloured by track (`track_names`), others by role."""
    domains = stacked(max(len(lanes), 1), row_height)
    titles = [lane.title for lane in lanes]
    span = time_range(lanes)
    tables = [_notes(lane) for lane in lanes]
    traces = []
    for number, (lane, table) in enumerate(zip(lanes, tables, strict=True), 1):
        is_drawn = table["pitch"].size <= MAX_BARS
        drawn = _bars(lane, table, track_names) if is_drawn else [_picture(lane, table, *span)]
        traces += [trace | {"yaxis": axis_name("y", number)} for trace in drawn]
    has_legend = 1 < len(traces) <= len(TRACKS) and all(trace.get("name") for trace in traces)
    layout = base_layout(row_height * len(domains), top=TITLE_HEIGHT if has_legend or any(titles) else 8)
    layout |= {"hovermode": "closest", "showlegend": has_legend, "legend": LEGEND}
    layout["annotations"] = row_titles(titles, domains[: len(lanes)])
    layout["xaxis"] = time_axis(*span, anchor=axis_name("y", len(domains)))
    for number, domain in enumerate(domains, 1):
        layout[axis_name("yaxis", number)] = pitch_axis(*_reach(tables), domain)
    return {"data": traces, "layout": layout}


def _reach(tables: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Lowest and highest pitch of all lanes; the octave above C4 if there are no notes."""
    pitches = [table["pitch"] for table in tables if table["pitch"].size]
    return min((int(pitch.min()) for pitch in pitches), default=60), max((int(p.max()) for p in pitches), default=72)


def _notes(lane: Lane) -> dict[str, Any]:
    """The notes that sound in the excerpt, cut to it, in the time of the figure."""
    roll = lane.clip.roll()
    inside = (roll.offset > lane.start_seconds) & (roll.onset < lane.stop)
    return {
        "onset": np.maximum(roll.onset[inside], lane.start_seconds) + lane.shift_seconds,
        "offset": np.minimum(roll.offset[inside], lane.stop) + lane.shift_seconds,
        "pitch": roll.pitch[inside],
        "track": roll.track[inside],
    }


def _bars(lane: Lane, table: dict[str, Any], track_names: Sequence[str]) -> list[dict[str, Any]]:
    """One trace per track: thick lines from onset to offset, with gaps between them (3 points per note)."""
    tracks = np.unique(table["track"]) if lane.role == "single" else [None]
    gap_seconds = BAR_GAP * (lane.stop - lane.start_seconds)
    traces = []
    for order, track in enumerate(tracks):
        mine = slice(None) if track is None else table["track"] == track
        onset, offset, pitch = table["onset"][mine], table["offset"][mine], table["pitch"][mine].astype(np.float32)
        end = np.maximum(offset - gap_seconds, (onset + offset) / 2)
        gap = np.full(len(onset), np.nan, dtype=np.float32)
        colour = ROLES[lane.role] if track is None else TRACKS[order % len(TRACKS)]
        name = track_names[track] if track is not None and track < len(track_names) else ""
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": np.stack([onset, end, gap], axis=1).ravel().astype(np.float32),
                "y": np.stack([pitch, pitch, gap], axis=1).ravel(),
                "line": {"color": colour, "width": 5},
                "name": plain(name),
                "connectgaps": False,
                "hovertemplate": "%{x:.2f} s · pitch %{y}<extra>%{fullData.name}</extra>",
            }
        )
    return traces


def _picture(lane: Lane, table: dict[str, Any], start: float, stop: float) -> dict[str, Any]:
    """Whether a note sounds in each cell of pitch and time: for excerpts with too many notes for bars."""
    scale = N_COLUMNS / max(stop - start, 1e-9)
    first = np.clip(((table["onset"] - start) * scale).astype(int), 0, N_COLUMNS - 1)
    last = np.clip(((table["offset"] - start) * scale).astype(int), first, N_COLUMNS - 1)
    changes = np.zeros((128, N_COLUMNS + 1), dtype=np.int32)
    np.add.at(changes, (table["pitch"], first), 1)
    np.add.at(changes, (table["pitch"], last + 1), -1)
    sounding = np.minimum(np.cumsum(changes, axis=1)[:, :N_COLUMNS], 1).astype(np.uint8)
    colour = ROLES[lane.role]
    return {
        "type": "heatmap",
        "z": sounding,
        "x0": start + 0.5 / scale,
        "dx": 1 / scale,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "rgba(0,0,0,0)"], [1, colour]],
        "showscale": False,
        "hoverinfo": "skip",
    }


def pitch_axis(lowest: int, highest: int, domain: tuple[float, float]) -> dict[str, Any]:
    """An axis with a label at each C (C4 = 60)."""
    low, high = min(lowest - 2, 58), max(highest + 2, 74)
    cs = [pitch for pitch in range(0, 128, 12) if low <= pitch <= high]
    return {
        "range": [low, high],
        "domain": domain,
        "tickvals": cs,
        "ticktext": [f"C{pitch // 12 - 1}" for pitch in cs],
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
    }
