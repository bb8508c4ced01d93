"""Figures as plain plotly documents (quick to build, small to send); `show_figure` draws one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.charts.histogram import frequency_figure
from pages.ui.charts.lanes import Lane
from pages.ui.charts.losses import loss_figure
from pages.ui.charts.receptive import receptive_figure
from pages.ui.charts.rolls import roll_figure
from pages.ui.charts.spectrograms import spectrogram_figure
from pages.ui.charts.waveforms import waveform_figure

__all__ = [
    "Lane",
    "frequency_figure",
    "loss_figure",
    "receptive_figure",
    "roll_figure",
    "show_figure",
    "spectrogram_figure",
    "waveform_figure",
]

CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}


def show_figure(
    figure: dict[str, Any], *, key: str, alt: str = "", on_stretch: Callable[[float, float], None] | None = None
) -> None:
    """Draw a figure over the full width; `alt` describes it for people who cannot see it.

    With `on_stretch`, dragging across the figure chooses an excerpt (seconds) instead of zooming in the browser.
    """
    common: dict[str, Any] = {
        "width": "stretch",
        "theme": "streamlit",
        "config": CONFIG,
        "key": key,
        "alt": alt or None,
    }
    if on_stretch is None:
        st.plotly_chart(figure, **common)
        return
    figure["layout"] |= {"dragmode": "select", "selectdirection": "h"}

    def chosen() -> None:
        boxes = st.session_state[key].selection.box
        if boxes:
            on_stretch(min(boxes[0]["x"]), max(boxes[0]["x"]))

    st.plotly_chart(figure, on_select=chosen, selection_mode="box", **common)
