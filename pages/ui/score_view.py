"""The score of a song or an output: its pages as pictures, made when the view is opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.errors import show_error, shown_errors
from pages.ui.scores import score_pages, try_again
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.clips.sheets import Sheet

FIRST, MORE = 1, 4  # pages shown at first; added by a click


@st.fragment
def draw_score(clip: Clip, *, key: str) -> None:
    """A box that can be opened, for clips with a score. Opening it reruns only this part of the page."""
    if clip.medium != "midi":
        return
    box = st.expander("Score", icon=":material/music_note:", key=f"{key}_score", on_change="rerun")
    if box.open:
        with box, shown_errors():
            _draw_pages(clip, key)


def _draw_pages(clip: Clip, key: str) -> None:
    name = f"{key}_score_pages"
    wanted = list(range(1, st.session_state.get(name, FIRST) + 1))
    found = score_pages(clip, wanted)
    if found.error is not None:
        show_error(found.error)
        st.button("Try again", key=f"{key}_score_again", type="tertiary", on_click=try_again, args=(clip, wanted))
        return
    if found.work is not None:
        wait_for([found.work], "Writing the notes as a score", partial(_draw_pages, clip, key))
        return
    if found.sheet is not None:
        _draw(found.sheet, wanted, name, key)


def _draw(sheet: Sheet, wanted: list[int], name: str, key: str) -> None:
    from musicgen.clips.sheets import on_paper

    shown = min(len(wanted), sheet.num_pages)
    for page in map(sheet.page, wanted[:shown]):
        if page.path is not None:
            st.image(on_paper(page.path.read_text("utf-8")), width="stretch")
    st.caption(f"Page {shown} of {sheet.num_pages}" if shown == 1 else f"Pages 1 to {shown} of {sheet.num_pages}")
    if shown < sheet.num_pages:
        st.button("More pages", key=f"{key}_score_more", on_click=_show_more, args=(name, shown))


def _show_more(name: str, shown: int) -> None:
    st.session_state[name] = shown + MORE
