"""Waiting on a page for background work, without a timer and without blocking anything.

The wait is a parallel fragment: the rest of the page is drawn in the meantime, and a click ends the wait at once.
Timers (`run_every`) are for things that change, such as an active run. A page with a timer must not call
`st.switch_page`: a refresh that the browser requested before the switch still runs for the old page, and the browser
then clears the new one. Links (`page_link`, the menu) start in the browser and are safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import streamlit as st

from pages.ui.background import is_settled

LOOK_SECONDS = 0.2


def wait_for(futures: Sequence[Future[Any]], words: str | Callable[[], str], then: Callable[[], None]) -> None:
    """Draw `words` until all `futures` are done, then call `then()` in the same place (`st.rerun` redraws the page).

    `words`: what is being done, or a function that says it anew each time."""
    if all(future.done() for future in futures):
        then()
        return
    st.fragment(_wait, parallel=True)(futures, words, then)


def _wait(futures: Sequence[Future[Any]], words: str | Callable[[], str], then: Callable[[], None]) -> None:
    place, began = st.empty(), time.monotonic()
    while not all(is_settled(future, LOOK_SECONDS) for future in futures):
        # Streamlit notices a click, which ends this wait, only while something is drawn.
        told = words if isinstance(words, str) else words()
        place.caption(f":material/hourglass_top: {told} … {time.monotonic() - began:.0f} s")
    place.empty()
    then()
