"""Waiting on a page without holding it: the work runs in a thread of its own, and each tick lets Streamlit leave for
what the visitor clicks meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.background import forget, is_settled, later


def result_of(key: str, work: Callable[[], Any], words: str) -> Any:
    """The result of `work`, known by `key` (one at a time, whoever asks). Raises what it raises; then the next visit
    tries again."""
    future = later(key, work)
    if not is_settled(future):
        with st.spinner(words, show_time=True):
            tick = st.empty()
            while not is_settled(future):
                tick.empty()  # any drawing is where Streamlit may end this run
    if future.exception() is not None:
        forget(key)
    return future.result()
