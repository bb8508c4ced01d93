"""The network of an approach on a page: its layers as boxes, its input and output, and how far back it looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.contract.drawing import Layer
from musicgen.contract.parameters import TrainingParameters
from pages.ui.charts import receptive_figure, show_figure
from pages.ui.charts.network import legend_html, network_html, shape_words, strip_html
from pages.ui.charts.receptive import receptive_field_words

STYLE = Path(__file__).resolve().parents[2] / "assets" / "network.css"
FIXED = ("music", "codec")  # kinds of layers that learn nothing
BY_SONGS = "depends on the songs"


def network_style() -> None:
    """The style of the drawings; needed once on every page that has one."""
    st.html(STYLE)


def draw_network(layers: Sequence[Layer]) -> None:
    """The boxes, and what their colours mean. Nothing for an approach that does not describe its layers."""
    if layers:
        st.html(network_html(layers))
        st.html(legend_html(layers))


def draw_strip(layers: Sequence[Layer]) -> None:
    if layers:
        st.html(strip_html(layers))


def draw_receptive_field(approach: Approach, training: TrainingParameters, *, key: str) -> None:
    """The dilated connections, and what their reach means. Nothing for networks without convolutions."""
    field = approach.receptive_field(training)
    if field is None:
        return
    size, meaning = receptive_field_words(field)
    st.markdown(f"**{size}** {meaning}")
    figure = receptive_figure(field)
    show_figure(figure, key=key, alt=f"Connections of one output through the layers. {size}")


def network_facts(layers: Sequence[Layer]) -> list[tuple[str, object]]:
    """Input and output shapes, the number of weights, and the multiplications per step."""
    learned = [number for number, layer in enumerate(layers) if layer.kind not in FIXED]
    if not learned:
        return []
    inputs = [layer.shape for layer in layers[: learned[0]] if layer.shape]
    weighed = [layer for layer in layers if layer.parameters != 0] or [layers[learned[-1]]]
    outputs = [layer.shape for layer in weighed if layer.kind == "choice"] or [weighed[-1].shape]
    facts: list[tuple[str, object]] = [("Input", shape_words(inputs[-1]))] if inputs else []
    facts.append(("Output", _together(outputs)))
    facts.append(("Weights", _sum_words(layers)))
    working = [layer for layer in layers if layer.kind != "embedding"]
    return [*facts, ("Multiplications per step, about", _sum_words(working))]


def _together(shapes: Sequence[tuple[int | str, ...]]) -> str:
    """`64 × (48 + 32)` for two outputs per step."""
    first, ends = shapes[0], [shape_words(shape[-1:]) for shape in shapes if shape]
    if len(ends) < 2 or any(shape[:-1] != first[:-1] for shape in shapes):
        return ", ".join(shape_words(shape) for shape in shapes if shape)
    return " × ".join(filter(None, (shape_words(first[:-1]), f"({' + '.join(ends)})")))


def _sum_words(layers: Sequence[Layer]) -> str:
    """All weights; "at least …" if some of them depend on the songs."""
    known = sum((layer.parameters or 0) * layer.repeated for layer in layers)
    is_open = any(layer.parameters is None for layer in layers)
    if is_open:
        return f"at least {known:,} ({BY_SONGS})" if known else BY_SONGS
    return f"{known:,}"
