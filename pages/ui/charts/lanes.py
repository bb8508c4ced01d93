"""A lane: one clip in a figure that can show several clips on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pages.ui.charts.colours import GRID, LINE

if TYPE_CHECKING:
    from musicgen.clips import Clip


TITLE_HEIGHT, AXIS_HEIGHT = 26, 40  # pixels
LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}


@dataclass(frozen=True)
class Lane:
    """An excerpt of a clip.

    Attributes:
        title: shown above the lane; data, never markup.
        start_seconds, stop_seconds: the excerpt, in the clip's own time; None for its end.
        shift_seconds: added to the clip's time, so that excerpts that belong together share the axis.
        gain_db: the gain that the player applies too, so that the picture shows what is heard.
        role: decides the colour.
    """

    title: str
    clip: Clip
    start_seconds: float = 0.0
    stop_seconds: float | None = None
    shift_seconds: float = 0.0
    gain_db: float = 0.0
    role: Literal["single", "reference", "generated"] = "single"

    @property
    def stop(self) -> float:
        return self.clip.seconds if self.stop_seconds is None else min(self.stop_seconds, self.clip.seconds)


def plain(text: str) -> str:
    """A name escaped for plotly, so that its markup has no effect."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def time_range(lanes: Sequence[Lane]) -> tuple[float, float]:
    """The common time axis of all lanes, seconds."""
    if not lanes:
        return 0.0, 1.0
    return (
        min(lane.start_seconds + lane.shift_seconds for lane in lanes),
        max(lane.stop + lane.shift_seconds for lane in lanes),
    )


def base_layout(rows_height: int, *, top: int = TITLE_HEIGHT, **more: Any) -> dict[str, Any]:
    """What all figures share: plain, transparent, small margins. `rows_height`: the height of the axes, in pixels;
    `top`: the space above them, for the title of the first row or a legend."""
    return {
        "height": rows_height + top + AXIS_HEIGHT,
        "margin": {"l": 56, "r": 12, "t": top, "b": AXIS_HEIGHT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "x",
        "dragmode": "zoom",
        "uirevision": "keep",
        **more,
    }


def time_axis(start: float, stop: float, **more: Any) -> dict[str, Any]:
    return {
        "range": [start, stop],
        "title": {"text": "time (s)", "standoff": 6},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": LINE,
        "tickcolor": LINE,
        **more,
    }


def axis_name(kind: str, number: int) -> str:
    """Plotly's names for the axes of row `number` (from 1): y, y2 … and yaxis, yaxis2 …"""
    return kind if number == 1 else f"{kind}{number}"


def stacked(n_rows: int, row_height: int = 110) -> list[tuple[float, float]]:
    """Domains (bottom, top) of `n_rows` rows of equal height, the first at the top, with space for titles between."""
    gap = TITLE_HEIGHT / (row_height * n_rows)
    height = (1.0 - gap * (n_rows - 1)) / n_rows
    return [(max(1.0 - (row + 1) * height - row * gap, 0.0), 1.0 - row * (height + gap)) for row in range(n_rows)]


def row_titles(titles: Sequence[str], domains: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Annotations at the upper left of the rows that have a title."""
    return [
        {
            "text": plain(title), "x": 0, "y": top, "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "showarrow": False, "font": {"size": 12},
        }
        for title, (_, top) in zip(titles, domains, strict=True) if title
    ]  # fmt: skip
