"""Waiting for a result without blocking the page: the work runs in its own thread, and at each tick Streamlit can
leave to handle a click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.background import forget, is_settled, later


def wait_for_result(key: str, work: Callable[[], Any], words: str) -> Any:
    """The result of `work`, which runs once per `key` even if several visitors ask. Raises what it raises; the next
    visit then tries again."""
    future = later(key, work)
    if not is_settled(future):
        with st.spinner(words, show_time=True):
            tick = st.empty()
            while not is_settled(future):
                tick.empty()  # any drawing is where Streamlit may end this run
    if future.exception() is not None:
        forget(key)
    return future.result()
