"""Finished lessons as a file to take away: made in the background when its button is clicked, and saved at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.background import known, later, made_once
from pages.ui.errors import show_error
from pages.ui.layout import kept_place
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt

HELP = "One HTML file with your predictions, what came out, curves and players. It opens without a server or a network."


def draw_report(newest: Mapping[str, Attempt]) -> None:
    """The button, as soon as a lesson is finished. Of each lesson, the newest finished attempt is in the file."""
    from musicgen.lessons.attempts import newest_finished

    finished = newest_finished() if newest else []
    if not finished:
        return
    key = "lessons report|" + "|".join(attempt.id for attempt in finished)
    make = partial(_make, tuple(attempt.id for attempt in finished))

    def start() -> None:
        later(key, make)

    st.download_button(
        "Download my lessons", data=partial(made_once, key, make), file_name="my lessons.html", mime="text/html",
        key="download_lessons", icon=":material/download:", help=HELP, on_click=start,
    )  # fmt: skip
    with kept_place():
        if (work := known(key)) is not None and not work.done():
            wait_for([work], "Making the report", lambda: _tell(work.exception()))


def _tell(error: BaseException | None) -> None:
    if isinstance(error, MusicgenError):
        show_error(error)


def _make(ids: tuple[str, ...]) -> bytes:
    from musicgen.lessons.attempts import get_attempt
    from musicgen.lessons.report import lessons_report

    return lessons_report([get_attempt(each) for each in ids])
