"""The network of an approach on a page: its layers as boxes, what goes in and out, and how far back it hears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.contract.drawing import Layer
from pages.ui.charts import receptive_figure, show_figure
from pages.ui.charts.network import legend_html, network_html, shape_words, strip_html
from pages.ui.charts.receptive import hearing_words

STYLE = Path(__file__).resolve().parents[2] / "assets" / "network.css"
FIXED = ("music", "codec")  # kinds of layers that learn nothing
BY_SONGS = "as the songs have it"


def network_style() -> None:
    """The layout of the drawings; once on every page that has one."""
    st.html(STYLE)


def draw_network(layers: Sequence[Layer]) -> None:
    """The boxes, and what their colours mean. Nothing for an approach that does not say what it is made of."""
    if layers:
        st.html(network_html(layers))
        st.html(legend_html(layers))


def draw_strip(layers: Sequence[Layer]) -> None:
    if layers:
        st.html(strip_html(layers))


def draw_hearing(approach: Approach, training: Any, *, key: str) -> None:
    """The dilated connections, and what follows from their reach. Nothing for networks without convolutions."""
    field = approach.receptive_field(training)
    if field is None:
        return
    said, lesson = hearing_words(field)
    st.markdown(f"**{said}** {lesson}")
    figure = receptive_figure(field)
    show_figure(figure, key=key, alt=f"Connections of one output through the layers. {said}")


def network_facts(layers: Sequence[Layer]) -> list[tuple[str, object]]:
    """What goes in, what comes out, how many weights, how much work one step is."""
    learned = [number for number, layer in enumerate(layers) if layer.kind not in FIXED]
    if not learned:
        return []
    heard = [layer.shape for layer in layers[: learned[0]] if layer.shape]
    weighed = [layer for layer in layers if layer.parameters != 0] or [layers[learned[-1]]]
    made = [layer.shape for layer in weighed if layer.kind == "choice"] or [weighed[-1].shape]
    facts: list[tuple[str, object]] = [("Goes in", shape_words(heard[-1]))] if heard else []
    facts.append(("Comes out", _together(made)))
    facts.append(("Weights", _sum_words(layers)))
    working = [layer for layer in layers if layer.kind != "embedding"]
    return [*facts, ("Multiplications a step, about", _sum_words(working))]


def _together(shapes: Sequence[tuple[int | str, ...]]) -> str:
    """`64 × (48 + 32)` for two choices a step."""
    first, ends = shapes[0], [shape_words(shape[-1:]) for shape in shapes if shape]
    if len(ends) < 2 or any(shape[:-1] != first[:-1] for shape in shapes):
        return ", ".join(shape_words(shape) for shape in shapes if shape)
    return " × ".join(filter(None, (shape_words(first[:-1]), f"({' + '.join(ends)})")))


def _sum_words(layers: Sequence[Layer]) -> str:
    """All weights; "from …" where some are a matter of the songs."""
    known = sum((layer.parameters or 0) * layer.repeated for layer in layers)
    is_open = any(layer.parameters is None for layer in layers)
    if is_open:
        return f"{known:,} + {BY_SONGS}" if known else BY_SONGS
    return f"{known:,}"
