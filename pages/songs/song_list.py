"""The library as a searchable list, a page of rows at a time, so that it stays quick with thousands of songs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import count
from pages.songs.song_selection import draw_selection, selection_box
from pages.ui.layout import MEDIA, empty_place, kept_place
from pages.ui.state import choose_id
from pages.ui.text import ago, clock, escape, shorten

if TYPE_CHECKING:
    from musicgen.songs.library import Song

ROWS = 20
ORDERS = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "name": "By name",
    "longest": "Longest first",
    "shortest": "Shortest first",
}


def draw_list() -> None:
    """Search, kind, order, rows and pages. A click on a name opens the song."""
    from musicgen.songs.library import count_songs, find_songs

    if not count_songs():
        empty_place(
            ":material/library_music:",
            "Your library is empty",
            "Drop files above, or add a sample with one click.",
        )
        return
    search, medium, order = _draw_filters()
    offset = (int(st.session_state.get("song_page", 1)) - 1) * ROWS
    songs, total = find_songs(search=search, medium=medium, order=order, offset=offset, limit=ROWS)
    with kept_place():
        draw_selection(total, _total_words(total, search, medium), search, medium)
    if not total:
        empty_place(":material/search_off:", "No song with this name", "Shorten the search, or show all kinds.")
        return
    rows = st.container(border=True, key="song_list", gap="xxsmall")
    number = _draw_pages(total)
    if (number - 1) * ROWS != offset:  # there are now fewer pages than when this one was chosen
        songs, _ = find_songs(search=search, medium=medium, order=order, offset=(number - 1) * ROWS, limit=ROWS)
    with rows:
        for song in songs:
            _draw_row(song)


def _total_words(total: int, search: str, medium: str | None) -> str:
    """`3,000 songs`; `2,421 MIDI songs`; `12 songs found`."""
    kind = f"{MEDIA[medium][0]} song" if medium else "song"
    return count(total, kind) + (" found" if search else "")


def _draw_filters() -> tuple[str, str | None, str]:
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search",
            key="song_search",
            placeholder="Search by name",
            icon=":material/search:",
            label_visibility="collapsed",
            persist_state="session",
            on_change=_to_first_page,
            width="stretch",
        )
        kinds = {"all": "All", **{medium: title for medium, (title, _) in MEDIA.items()}}
        kind = st.segmented_control(
            "Kind",
            list(kinds),
            format_func=lambda key: kinds[key],
            default="all",
            required=True,
            key="song_kind",
            label_visibility="collapsed",
            persist_state="session",
            on_change=_to_first_page,
            width="content",
        )
        order = st.selectbox(
            "Order",
            list(ORDERS),
            format_func=lambda key: ORDERS[key],
            key="song_order",
            label_visibility="collapsed",
            persist_state="session",
            on_change=_to_first_page,
            width=170,
        )
    return search.strip(), None if kind in (None, "all") else kind, order


def _to_first_page() -> None:
    st.session_state.pop("song_page", None)


def _draw_pages(total: int) -> int:
    n_pages = -(-total // ROWS)
    if st.session_state.get("song_page", 1) > n_pages:
        _to_first_page()
    return st.pagination(n_pages, key="song_page", persist_state="session") if n_pages > 1 else 1


def _draw_row(song: Song) -> None:
    """The box and the name side by side; the facts on the right, or below a name that leaves them no room."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"song_row.{song.id}"):
        selection_box(song)
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xxsmall"
        ):
            st.button(
                escape(shorten(song.name, 70)),
                key=f"song_open.{song.id}",
                icon=MEDIA[song.medium][1],
                type="tertiary",
                on_click=choose_id,
                args=("song", song.id),
            )
            st.caption(escape(" · ".join(in_short(song))), width="content")


def in_short(song: Song) -> list[str]:
    """The few facts that distinguish songs in a list."""
    words = [clock(song.seconds)]
    if song.medium == "midi":
        words += [count(len(song.facts.get("tracks") or ()), "track"), count(song.facts.get("num_notes", 0), "note")]
    else:
        words += [song.format, f"{song.facts.get('sample_rate', 0) / 1000:g} kHz"]
    return [*words, ago(song.created_at)]
