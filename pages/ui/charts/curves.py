"""Loss curves on a page: a small picture that is there at once, and a figure to zoom into for those who open it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.comparison.loss_drawing import LossDrawing
from pages.ui.layout import kept_place

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

STYLE = Path(__file__).resolve().parents[3] / "assets" / "curves.css"
# `st.html` shows no SVG. The picture is our own, and names in it are escaped.
SHOW = """export default ({parentElement, data}) => {
    const place = parentElement.querySelector(".curves")
        ?? parentElement.appendChild(Object.assign(document.createElement("div"), {className: "curves"}));
    if (place.picture !== data.picture) place.innerHTML = place.picture = data.picture;
}"""


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("musicgen_curves", js=SHOW, css=STYLE.read_text(encoding="utf-8"))


def draw_picture(drawing: LossDrawing, *, key: str) -> None:
    """The picture alone."""
    _component()(key=key, data={"picture": drawing.legend + drawing.svg})


def draw_losses(drawing: LossDrawing, figure: Callable[[], dict[str, Any]], *, key: str, alt: str) -> None:
    """The picture, or the figure in its place. `figure` is asked for only when it is opened: its library is so large
    that a browser is busy with it for seconds."""
    from pages.ui.charts import show_figure

    with st.container(key=key, gap="xsmall"):
        place = kept_place()
        is_open = st.toggle("Zoom and read values", key=f"{key}_zoom", persist_state="session")
        with place:
            if is_open:
                show_figure(figure(), key=f"{key}_figure", alt=alt)
            else:
                draw_picture(drawing, key=f"{key}_picture")
