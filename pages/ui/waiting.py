"""Waiting on a page for background work, without a timer and without holding anything up.

The wait is a parallel fragment: the rest of the page is drawn meanwhile, and a click ends the wait at once. Timers
(`run_every`) are for what moves, such as a run at work. A page that has one must not call `st.switch_page`: a look
that the browser asked for before it heard of the new page is still run for the old one, and the browser then clears
what it shows. Links (`page_link`, the menu) start in the browser and are safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import streamlit as st

from pages.ui.background import is_settled

LOOK_SECONDS = 0.2


def wait_for(futures: Sequence[Future[Any]], words: str, then: Callable[[], None]) -> None:
    """Draw `words` until all `futures` are done, then `then()` in the same place (`st.rerun` draws the page anew)."""
    if all(future.done() for future in futures):
        then()
        return
    st.fragment(_wait, parallel=True)(futures, words, then)


def _wait(futures: Sequence[Future[Any]], words: str, then: Callable[[], None]) -> None:
    place, began = st.empty(), time.monotonic()
    while not all(is_settled(future, LOOK_SECONDS) for future in futures):
        # Drawing is also where a click is noticed that ends this wait.
        place.caption(f":material/hourglass_top: {words} … {time.monotonic() - began:.0f} s")
    place.empty()
    then()
