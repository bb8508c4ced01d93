"""Errors on a page: what a user can fix is one sentence in a red box; anything else is our bug and is logged."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.faults import in_words
from pages.ui.text import escape

log = logging.getLogger(__name__)


def show_error(error: MusicgenError) -> None:
    """The sentence, and the advice if there is any."""
    advice = getattr(error, "advice", "")
    st.error(escape(f"{error} {advice}".strip()), icon=":material/error:")


@contextmanager
def shown_errors() -> Iterator[None]:
    """Errors inside the block are shown here, and the page continues after the block."""
    try:
        yield
    except (MusicgenError, OSError) as error:
        told = in_words(error)
        if told is None:
            raise
        show_error(told)


def show_bug(error: Exception) -> bool:
    """For errors that nothing else caught: a sentence for a fault of the machine, such as a full disk; for our own bugs
    a number on the page, and in the server's log below Streamlit's traceback.

    Returns True: there is nothing else to show."""
    if (told := in_words(error)) is not None:
        log.warning("a page could not go on: %s", told)
        with st.container(key="machine_fault"):
            show_error(told)
        return True
    number = uuid.uuid4().hex[:8]
    log.error("error %s on a page; see the traceback above: %s: %s", number, type(error).__name__, error)
    st.container(key="our_bug").error(
        f"Something went wrong on our side (error {number}). Your stored work is safe. "
        "Reload the page to continue; the server's log has the details under this number.",
        icon=":material/bug_report:",
    )
    return True
