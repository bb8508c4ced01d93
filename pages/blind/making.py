"""While the excerpts of a test are made: started once, shown until they are there, then the first round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.background import forget as forget_work
from pages.ui.background import known, later
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.state import forget, recall, remember
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.listening.material import BlindOrder

MAKING = "blind_making"  # in the session: the key of the background work
_progress: dict[str, Mapping[str, Any]] = {}  # key → what the child said last


def start_making(order: BlindOrder) -> None:
    """Make a test in the background. A double click makes one."""
    from musicgen.listening.records import start_test

    key = f"blind|{intent_key('blind', asdict(order))}"
    remember(MAKING, key)
    later(key, lambda: start_test(order, on_progress=lambda said: _progress.update({key: said})))


def is_making() -> bool:
    """Whether this visit waits for a test, or has not seen yet what became of it."""
    key = recall(MAKING)
    return key is not None and known(key) is not None


def draw_making() -> None:
    """The progress; then the error, or the first round."""
    key = recall(MAKING)
    future = known(key)
    if future is None:
        return
    if not future.done():
        wait_for([future], lambda: _words(_progress.get(key, {})), st.rerun)
        return
    forget(MAKING)
    forget_work(key)
    _progress.pop(key, None)
    error = future.exception()
    if isinstance(error, MusicgenError):
        show_error(error)
        return
    st.query_params.from_dict({"test": future.result()})
    st.rerun()


def _words(said: Mapping[str, Any]) -> str:
    """`Writing the excerpts, 5 of 32`"""
    phase = str(said.get("phase", "Making the excerpts"))
    return f"{phase}, {said['done']} of {said['total']}" if said.get("total") else phase
