"""Figures as plain plotly documents (light to build, small to send); `show_figure` draws one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui.charts.lanes import Lane
from pages.ui.charts.losses import loss_figure
from pages.ui.charts.rolls import roll_figure
from pages.ui.charts.spectrograms import spectrogram_figure
from pages.ui.charts.waveforms import waveform_figure

__all__ = ["Lane", "loss_figure", "roll_figure", "show_figure", "spectrogram_figure", "waveform_figure"]

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"], "scrollZoom": False}


def show_figure(figure: dict[str, Any], *, key: str, alt: str = "") -> None:
    """Draw a figure over the full width; `alt` names it for those who cannot see it."""
    st.plotly_chart(figure, width="stretch", theme="streamlit", config=CONFIG, key=key, alt=alt or None)
