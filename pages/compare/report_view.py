"""The comparison as a file to take away: made in the background when its button is clicked, and then saved at once."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial

import streamlit as st

from musicgen.comparison.report_facts import Excerpts
from musicgen.errors import MusicgenError
from musicgen.evaluation.stretches import Seconds
from pages.compare.comparison_view import ShownSide
from pages.ui.background import known, later, made_once
from pages.ui.errors import show_error
from pages.ui.layout import kept_place
from pages.ui.waiting import wait_for

HELP = (
    "One HTML file with players, pictures, measurements and settings. It opens without a server and without a network."
)


def draw_report(reference: ShownSide, generated: ShownSide, *, is_stretch: bool) -> Excerpts:
    """The button `download_report`. Returns the excerpts that are measured: None for a whole piece.

    The click starts the work and draws the page again, which shows how long it takes; the download waits for it."""
    from musicgen.songs.names import file_name

    excerpts = (_excerpt(reference), _excerpt(generated)) if is_stretch else (None, None)
    key = f"report|{reference.id}|{generated.id}|{excerpts}"
    make = partial(_make, reference.id, generated.id, excerpts)

    def start() -> None:
        later(key, make)

    st.download_button(
        "Report (HTML)", data=partial(made_once, key, make), file_name=file_name(f"{generated.name} report", "html"),
        mime="text/html", key="download_report", icon=":material/download:", help=HELP, on_click=start,
    )  # fmt: skip
    with kept_place():
        if (work := known(key)) is not None and not work.done():
            wait_for([work], "Making the report", partial(_tell, work))
    return excerpts


def _tell(work: Future[bytes]) -> None:
    """Why there is no file; a file was saved by the browser."""
    error = work.exception()
    if isinstance(error, MusicgenError):
        show_error(error)


def _excerpt(side: ShownSide) -> Seconds:
    return round(side.stretch.start, 3), round(side.stretch.stop, 3)


def _make(reference: str, generated: str, excerpts: Excerpts) -> bytes:
    from musicgen.comparison.report import report_bytes

    return report_bytes(reference, generated, excerpts=excerpts)
