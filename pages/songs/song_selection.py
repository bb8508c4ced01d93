"""Selecting songs in the list (one, many, or all that were found) and sending them to the Train page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import count
from pages.ui.navigation import PLACES, go_to
from pages.ui.state import recall, remember
from pages.ui.text import escape
from pages.ui.training_songs import take_songs

if TYPE_CHECKING:
    from musicgen.songs.library import Song

SELECTED = "selected_songs"  # in the session: ids, in the order in which they were selected


def draw_selection(total: int, words: str, search: str, medium: str | None) -> None:
    """How many songs were found and how many are selected, with the buttons for the selection."""
    selected = recall(SELECTED, ())
    with st.container(horizontal=True, vertical_alignment="center", key="song_selection"):
        st.caption(f"{words} · {len(selected):,} selected" if selected else words, width="content")
        if total:
            st.button(
                f"Select all {total:,}{' found' if search else ''}", key="song_select_all", type="tertiary",
                on_click=_select_all, args=(search, medium),
            )  # fmt: skip
        if selected:
            st.button("Select none", key="song_select_none", type="tertiary", on_click=remember, args=(SELECTED, ()))
            label = f"Train on {count(len(selected), 'song')}"
            if st.button(label, key="song_train_selected", icon=PLACES["train"].icon, type="primary"):
                take_songs(selected)
                go_to("train")


def selection_box(song: Song) -> None:
    """The box before the name of a song."""
    key = f"song_select.{song.id}"
    st.session_state[key] = song.id in recall(SELECTED, ())
    st.checkbox(
        f"Select {escape(song.name)}",
        key=key,
        label_visibility="collapsed",
        width="content",
        on_change=_toggle,
        args=(song.id,),
    )


def unselect(song_id: str) -> None:
    """For a song that is removed."""
    remember(SELECTED, tuple(each for each in recall(SELECTED, ()) if each != song_id))


def _toggle(song_id: str) -> None:
    selected = recall(SELECTED, ())
    if song_id in selected:
        unselect(song_id)
    else:
        remember(SELECTED, (*selected, song_id))


def _select_all(search: str, medium: str | None) -> None:
    """Everything that the search finds, on all pages, besides what is selected already."""
    from musicgen.songs.library import song_ids

    found = song_ids(search=search, medium=medium)
    remember(SELECTED, tuple(dict.fromkeys([*recall(SELECTED, ()), *found])))
