"""The receptive field of a stack of causal convolutions: the picture of the WaveNet paper (van den Oord et al., 2016,
figure 3), with pooling. If it is too wide for dots, bars show how it grows from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from musicgen.contract.drawing import ReceptiveField
from pages.ui.charts.colours import ACCENT, GRID, LINE, MARK, REFERENCE, faded
from pages.ui.charts.layout import LEGEND, base_layout, plain

MOST_COLUMNS, MAX_ROWS = 160, 14  # beyond this, connections can no longer be distinguished
MAX_DOTS = 72  # in a row; more would run together and look like a line
MAX_BARS = 40
ROW_HEIGHT, BAR_HEIGHT = 44, 17  # pixels


@dataclass(frozen=True)
class Row:
    """One layer of the picture, connected to the row below it.

    Attributes:
        reach: offsets of the inputs of one output in the row below, in input steps, 0 for the newest.
        stride: input steps between two outputs.
        steps: receptive field of one output, in input steps.
    """

    label: str
    reach: tuple[int, ...]
    stride: int
    steps: int
    is_pooling: bool = False


def receptive_figure(field: ReceptiveField) -> dict[str, Any]:
    """The connections if they can be distinguished, otherwise bars on a logarithmic axis."""
    rows = rows_of(field)
    columns = max(field.steps, field.window)
    is_small = columns <= MOST_COLUMNS and len(rows) <= MAX_ROWS
    return _connections(field, rows) if is_small else _bars(field, rows)


def receptive_field_words(field: ReceptiveField) -> tuple[str, str]:
    """The size of the receptive field and of the window, and what that means for a prediction."""
    reach, window = _length(field, field.steps), _length(field, field.window)
    size = f"The receptive field is {reach}; the window is {window}."
    if field.steps >= field.window:
        return size, "Everything in the window can influence a prediction."
    unseen = f"{field.window - field.steps:,} of {field.window:,} {field.unit}"
    return size, f"The oldest {unseen} have no influence. A greater dilation depth or a larger kernel would reach them."


def rows_of(field: ReceptiveField) -> list[Row]:
    """The rows above the input, from the bottom up."""
    rows, stride, steps = [], 1, 1
    for each in field.stack:
        steps += (each.kernel - 1) * each.dilation * stride
        label = f"dilation {each.dilation:,}"
        rows.append(Row(label, tuple(k * each.dilation * stride for k in range(each.kernel)), stride, steps))
        if each.pooling > 1:
            steps += (each.pooling - 1) * stride
            reach = tuple(k * stride for k in range(each.pooling))
            stride *= each.pooling
            rows.append(Row(f"pooling {each.pooling}", reach, stride, steps, is_pooling=True))
    return rows


def _length(field: ReceptiveField, steps: int) -> str:
    words = f"{steps:,} {field.unit}"
    return f"{words} ({1000 * steps / field.sample_rate:,.1f} ms)" if field.sample_rate else words


def _connections(field: ReceptiveField, rows: Sequence[Row]) -> dict[str, Any]:
    """A row of dots for each layer, and the receptive field of the newest output in the top row."""
    columns, lit = max(field.steps, field.window), _lit(rows)
    traces = [_edges(rows, lit, is_pooling=False)]
    if any(row.is_pooling for row in rows):
        traces.append(_edges(rows, lit, is_pooling=True))
    if columns <= MAX_DOTS:
        traces += _nodes(rows, lit, columns)
    layout = _layout(field, ROW_HEIGHT * (len(rows) + 1) + 20)
    layout["shapes"] = [_window(0.5, field.window + 0.5, -0.85, 0.3)]
    layout["xaxis"] |= {"range": [columns + 0.8, 0.2], "tickvals": _ticks(columns)}
    layout["yaxis"] |= {
        "range": [-1, len(rows) + 0.5],
        "tickvals": list(range(len(rows) + 1)),
        "ticktext": [plain(field.unit), *(row.label for row in rows)],
        "showgrid": columns > MAX_DOTS,
    }
    return {"data": traces, "layout": layout}


def _lit(rows: Sequence[Row]) -> list[set[int]]:
    """The receptive field of the newest output in the top row, for each row from the input up, as steps back."""
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
    """The dots outside and inside the receptive field."""
    strides = [1, *(row.stride for row in rows)]
    every = [(level, at) for level, stride in enumerate(strides) for at in range(0, columns, stride)]
    inside = [(level, at) for level, at in every if at in lit[level]]
    outside = [(level, at) for level, at in every if at not in lit[level]]
    return [
        {
            "type": "scatter", "mode": "markers", "name": name, "showlegend": False,
            "x": [at + 1 for _, at in nodes], "y": [level for level, _ in nodes],
            "marker": {"size": 5.5, "color": colour}, "hovertemplate": "%{x} back<extra></extra>",
        }
        for name, nodes, colour in (("outside", outside, faded(REFERENCE, 0.35)), ("inside", inside, ACCENT))
    ]  # fmt: skip


def _bars(field: ReceptiveField, rows: Sequence[Row]) -> dict[str, Any]:
    """One bar per layer, as long as its receptive field. Many layers are grouped; the last of each group is drawn."""
    every = math.ceil(len(rows) / MAX_BARS)
    shown = [(number, row) for number, row in enumerate(rows, 1) if (len(rows) - number) % every == 0]
    longest = max(field.steps, field.window)
    trace = {
        "type": "bar", "orientation": "h", "name": "receptive field", "showlegend": False,
        "y": list(range(1, len(shown) + 1)), "base": 0.9, "x": [row.steps - 0.9 for _, row in shown],
        "marker": {"color": [faded(MARK if row.is_pooling else ACCENT, 0.75) for _, row in shown]},
        "customdata": [[number, row.label, _length(field, row.steps)] for number, row in shown],
        "hovertemplate": "layer %{customdata[0]}, %{customdata[1]}: receptive field %{customdata[2]}<extra></extra>",
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
    layout["xaxis"] = axis | {"title": {"text": f"{plain(field.unit)} back from the one to predict", "standoff": 6}}
    layout["yaxis"] = axis | {"ticks": ""}
    layout["annotations"] = []
    return layout


def _window(left: float, right: float, low: float, high: float) -> dict[str, Any]:
    """The window: a frame around the input row, or a line in a picture without rows of steps."""
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
