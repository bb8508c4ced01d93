"""Figures as plain plotly documents (quick to build, small to send); `show_figure` draws one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui.charts.histogram import frequency_figure
from pages.ui.charts.losses import loss_figure
from pages.ui.charts.receptive import receptive_figure

__all__ = [
    "frequency_figure",
    "loss_figure",
    "receptive_figure",
    "show_figure",
]

CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}


def show_figure(figure: dict[str, Any], *, key: str, alt: str = "") -> None:
    """Draw a figure over the full width; `alt` describes it for people who cannot see it."""
    st.plotly_chart(figure, width="stretch", theme="streamlit", config=CONFIG, key=key, alt=alt or None)
