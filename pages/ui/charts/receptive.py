"""How far back one output of a stack of causal convolutions hears: the picture of the WaveNet paper (van den Oord et
al., 2016, figure 3), with pooling; for fields too wide for dots, how the reach grows from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from musicgen.contract.drawing import ReceptiveField
from pages.ui.charts.colours import ACCENT, GRID, LINE, MARK, REFERENCE, faded
from pages.ui.charts.lanes import LEGEND, base_layout, plain

MOST_COLUMNS, MOST_ROWS = 160, 14  # connections of more than that cannot be told apart
MOST_DOTS = 72  # in a row: more of them run together, and a line says the same
MOST_BARS = 40
ROW_HEIGHT, BAR_HEIGHT = 44, 17  # pixels


@dataclass(frozen=True)
class Row:
    """What one layer of the picture makes of the row below it.

    Attributes:
        reach: offsets into the row below that one output hears, in input steps, 0 for the newest.
        stride: input steps between two outputs. heard: input steps that one output hears.
    """

    label: str
    reach: tuple[int, ...]
    stride: int
    heard: int
    is_pooling: bool = False


def receptive_figure(field: ReceptiveField) -> dict[str, Any]:
    """The connections where they can be told apart, else bars on a logarithmic axis."""
    rows = rows_of(field)
    columns = max(field.steps, field.window)
    is_small = columns <= MOST_COLUMNS and len(rows) <= MOST_ROWS
    return _connections(field, rows) if is_small else _bars(field, rows)


def hearing_words(field: ReceptiveField) -> tuple[str, str]:
    """What one output hears beside what it is shown, and what follows from it."""
    heard, window = _length(field, field.steps), _length(field, field.window)
    said = f"One output hears {heard}; the window has {window}."
    if field.steps >= field.window:
        return said, "Everything that it is shown can bear on what it guesses."
    deaf = f"{field.window - field.steps:,} of {field.window:,} {field.unit}"
    return said, f"It is deaf to the oldest {deaf}: more dilation depth or a larger kernel would reach them."


def rows_of(field: ReceptiveField) -> list[Row]:
    """The rows above the input, from below."""
    rows, stride, heard = [], 1, 1
    for each in field.stack:
        heard += (each.kernel - 1) * each.dilation * stride
        apart = f"dilation {each.dilation:,}"
        rows.append(Row(apart, tuple(k * each.dilation * stride for k in range(each.kernel)), stride, heard))
        if each.pooling > 1:
            heard += (each.pooling - 1) * stride
            reach = tuple(k * stride for k in range(each.pooling))
            stride *= each.pooling
            rows.append(Row(f"pooling {each.pooling}", reach, stride, heard, is_pooling=True))
    return rows


def _length(field: ReceptiveField, steps: int) -> str:
    words = f"{steps:,} {field.unit}"
    return f"{words} ({1000 * steps / field.sample_rate:,.1f} ms)" if field.sample_rate else words


def _connections(field: ReceptiveField, rows: Sequence[Row]) -> dict[str, Any]:
    """A row of dots for each layer, and what the newest output of the top row hears."""
    columns, lit = max(field.steps, field.window), _lit(rows)
    traces = [_edges(rows, lit, is_pooling=False)]
    if any(row.is_pooling for row in rows):
        traces.append(_edges(rows, lit, is_pooling=True))
    if columns <= MOST_DOTS:
        traces += _nodes(rows, lit, columns)
    layout = _layout(field, ROW_HEIGHT * (len(rows) + 1) + 20)
    layout["shapes"] = [_window(0.5, field.window + 0.5, -0.85, 0.3)]
    layout["xaxis"] |= {"range": [columns + 0.8, 0.2], "tickvals": _ticks(columns)}
    layout["yaxis"] |= {
        "range": [-1, len(rows) + 0.5],
        "tickvals": list(range(len(rows) + 1)),
        "ticktext": [plain(field.unit), *(row.label for row in rows)],
        "showgrid": columns > MOST_DOTS,
    }
    return {"data": traces, "layout": layout}


def _lit(rows: Sequence[Row]) -> list[set[int]]:
    """What the newest output of the top row hears, in each row from the input up: steps back from the newest."""
    lit: list[set[int]] = [{0}]
    for row in reversed(rows):
        lit.append({at + reach for at in lit[-1] for reach in row.reach})
    return lit[::-1]


def _edges(rows: Sequence[Row], lit: Sequence[set[int]], *, is_pooling: bool) -> dict[str, Any]:
    """All connections of one kind, as a single line with gaps."""
    x: list[int | None] = []
    y: list[int | None] = []
    for level, row in enumerate(rows, 1):
        if row.is_pooling == is_pooling:
            for at, reach in product(sorted(lit[level]), row.reach):
                x += [at + 1, at + reach + 1, None]
                y += [level, level - 1, None]
    name, colour = ("pooling", MARK) if is_pooling else ("convolution", ACCENT)
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "hoverinfo": "skip",
        "line": {"color": faded(colour, 0.65), "width": 1.3},
    }  # fmt: skip


def _nodes(rows: Sequence[Row], lit: Sequence[set[int]], columns: int) -> list[dict[str, Any]]:
    """Outputs that are not heard, and those that are."""
    strides = [1, *(row.stride for row in rows)]
    every = [(level, at) for level, stride in enumerate(strides) for at in range(0, columns, stride)]
    heard = [(level, at) for level, at in every if at in lit[level]]
    idle = [(level, at) for level, at in every if at not in lit[level]]
    return [
        {
            "type": "scatter", "mode": "markers", "name": name, "showlegend": False,
            "x": [at + 1 for _, at in nodes], "y": [level for level, _ in nodes],
            "marker": {"size": 5.5, "color": colour}, "hovertemplate": "%{x} back<extra></extra>",
        }
        for name, nodes, colour in (("not heard", idle, faded(REFERENCE, 0.35)), ("heard", heard, ACCENT))
    ]  # fmt: skip


def _bars(field: ReceptiveField, rows: Sequence[Row]) -> dict[str, Any]:
    """One bar a layer, as far back as its outputs hear; of very many layers the last ones of equal groups."""
    every = math.ceil(len(rows) / MOST_BARS)
    shown = [(number, row) for number, row in enumerate(rows, 1) if (len(rows) - number) % every == 0]
    longest = max(field.steps, field.window)
    trace = {
        "type": "bar", "orientation": "h", "name": "heard", "showlegend": False,
        "y": list(range(1, len(shown) + 1)), "base": 0.9, "x": [row.heard - 0.9 for _, row in shown],
        "marker": {"color": [faded(MARK if row.is_pooling else ACCENT, 0.75) for _, row in shown]},
        "customdata": [[number, row.label, _length(field, row.heard)] for number, row in shown],
        "hovertemplate": "layer %{customdata[0]}, %{customdata[1]}: hears %{customdata[2]}<extra></extra>",
    }  # fmt: skip
    layout = _layout(field, BAR_HEIGHT * (len(shown) + 2) + 10)
    layout |= {"bargap": 0.25, "shapes": [_window(field.window, field.window, -0.6, len(shown) + 0.6)]}
    layout["xaxis"] |= {"type": "log", "range": [math.log10(longest * 1.15), math.log10(0.9)], "dtick": 1}
    label_every = math.ceil(len(shown) / 15)
    labelled = [at for at in range(1, len(shown) + 1) if (len(shown) - at) % label_every == 0]
    layout["yaxis"] |= {
        "range": [-0.7, len(shown) + 0.6],
        "tickvals": labelled,
        "ticktext": [shown[at - 1][1].label for at in labelled],
    }
    return {"data": [trace], "layout": layout}


def _layout(field: ReceptiveField, height: int) -> dict[str, Any]:
    layout = base_layout(height, top=28, hovermode="closest", showlegend=True, legend=LEGEND, dragmode=False)
    layout["margin"] |= {"l": 78}
    axis = {"gridcolor": GRID, "zeroline": False, "showgrid": False, "fixedrange": True, "linecolor": LINE}
    layout["xaxis"] = axis | {"title": {"text": f"{plain(field.unit)} back from the one to guess", "standoff": 6}}
    layout["yaxis"] = axis | {"ticks": ""}
    layout["annotations"] = []
    return layout


def _window(left: float, right: float, low: float, high: float) -> dict[str, Any]:
    """What the network is shown: a frame around the input row, or a line where a row is no row of steps."""
    line = {"color": MARK, "width": 1.5, "dash": "dot"}
    is_frame = left != right
    label = {
        "text": "window", "textangle": 0, "font": {"size": 11, "color": MARK},
        **({"textposition": "bottom center"} if is_frame else {"textposition": "start", "xanchor": "left"}),
    }  # fmt: skip
    kind = "rect" if is_frame else "line"
    return {"type": kind, "x0": right, "x1": left, "y0": low, "y1": high, "line": line, "label": label}


def _ticks(columns: int) -> list[int]:
    step = next(step for step in (1, 2, 4, 8, 16, 32) if columns / step <= 12)
    return [1, *range(step if step > 1 else 2, columns + 1, step)]
