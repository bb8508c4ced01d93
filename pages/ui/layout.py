"""The few elements that every page uses: a heading, a row of facts, a badge for a state, and a box for an empty page
that says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.ui.navigation import PLACES, page_link
from pages.ui.text import escape
from pages.ui.unknown_links import tell_unknown_links

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

MEDIA = {"audio": ("Audio", ":material/graphic_eq:"), "midi": ("MIDI", ":material/piano:")}
STATES = {
    "queued": ("Waiting", ":material/schedule:", "gray"),
    "starting": ("Starting", ":material/hourglass_top:", "gray"),
    "running": ("Running", ":material/play_circle:", "violet"),
    "paused": ("Paused", ":material/pause_circle:", "orange"),
    "succeeded": ("Finished", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
}


def kept_place(width: Literal["stretch", "content"] = "stretch") -> DeltaGenerator:
    """A place for what comes and goes: a notice, a plan, a button. Ask for it even if there is nothing to draw.

    Without it, everything below moves by one place, the browser makes it anew, and what a visitor is just typing there
    is lost. An empty place takes no room."""
    return st.container(width=width)


def page_heading(name: str, summary: str = "") -> None:
    """The title of a page, one line on what it is for, and whether the link that led here names nothing known."""
    place = PLACES[name]
    st.title(place.title, anchor=False)
    st.caption(summary or place.summary)
    tell_unknown_links(name, kept_place())


def section_heading(text: str, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """A part of a page, one level below its title. `text` is data."""
    st.header(escape(text), anchor=False, width=width)


def facts_row(facts: Sequence[tuple[str, object]]) -> None:
    """Label and value pairs, small and side by side; they wrap in a narrow window. Values are data."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in facts:
            with st.container(gap=None, width="content"):
                st.caption(escape(label))
                st.text(str(value))


def state_badge(state: str) -> None:
    """The state of a run or a task, as one coloured word."""
    title, icon, colour = STATES[state]
    st.badge(title, icon=icon, color=colour)  # type: ignore[arg-type]


def medium_badge(medium: str) -> None:
    title, icon = MEDIA[medium]
    st.badge(title, icon=icon, color="gray")


def empty_place(icon: str, title: str, text: str, *, page: str = "", label: str = "") -> None:
    """Nothing here yet: the reason, and a link to the next step (`page`: a name of PLACES)."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall"):
        st.markdown(f":gray[{icon}]", text_alignment="center")
        st.header(escape(title), anchor=False, text_alignment="center")
        st.caption(escape(text), text_alignment="center")
        if page:
            page_link(page, label)
