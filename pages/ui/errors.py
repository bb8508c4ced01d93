"""Errors on a page: what a user can fix is one sentence in a red box; anything else is our bug and goes to the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.text import escape


def show_error(error: MusicgenError) -> None:
    """The sentence, and the advice where there is one."""
    advice = getattr(error, "advice", "")
    st.error(escape(f"{error} {advice}".strip()), icon=":material/error:")


@contextmanager
def shown_errors() -> Iterator[None]:
    """What goes wrong inside is shown here, and the page goes on after the block."""
    try:
        yield
    except MusicgenError as error:
        show_error(error)
