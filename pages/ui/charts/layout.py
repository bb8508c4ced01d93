"""What all figures share: size, margins, legend; and names without markup."""

from __future__ import annotations

from typing import Any

TITLE_HEIGHT, AXIS_HEIGHT = 26, 40  # pixels
LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}


def plain(text: str) -> str:
    """A name escaped for plotly, so that its markup has no effect."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
