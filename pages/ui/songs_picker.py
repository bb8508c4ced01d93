"""Choosing songs from the library on other pages. Quick with thousands; songs with the same name stay distinct."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import count
from pages.ui.layout import empty_place, kept_place
from pages.ui.search_field import SHOWN, search_field
from pages.ui.text import clock, escape, shorten
from pages.ui.training_songs import choose_songs, leave_many, many_chosen

if TYPE_CHECKING:
    from musicgen.songs.library import Song


NAMED = 3  # songs that are named where many are chosen together


@dataclass(frozen=True)
class Picked:
    """Songs to train on. `search`: set if everything that it finds was chosen at once; "" finds every song."""

    songs: list[Song]
    search: str | None = None


def song_labels(songs: Iterable[Song]) -> dict[str, str]:
    """id → what to show. Widgets distinguish options by their text, so repeated texts get the end of the id."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for song in songs:
        label = f"{shorten(song.name)} · {clock(song.seconds)}"
        label = f"{label} · {song.id[-4:]}" if label in taken else label
        labels[song.id] = song.id if label in taken else label
        taken.add(labels[song.id])
    return labels


def songs_picker(label: str, *, medium: str, key: str, default: Sequence[str] = ()) -> Picked:
    """Any number of songs of one medium; `default` (ids) is used the first time. If there are more than a list shows,
    everything that the search finds can be chosen at once. It says how many are chosen, and how to choose all. An empty
    library says what to do."""
    from musicgen.songs.library import count_songs, list_songs

    if (many := many_chosen(key)) and count_songs(medium=medium):
        return _many_together(label, many, medium, key)
    with kept_place():
        found, search = _found(medium, key), _search(key)
    every = kept_place()
    if found is None:
        return Picked([])
    if count_songs(medium=medium) > SHOWN and found:
        total = count_songs(search=search, medium=medium)
        what = f"All {total:,} songs found" if search else f"All {total:,} songs"
        if every.checkbox(what, key=f"{key}.all", persist_state="session"):
            songs = list_songs(search=search, medium=medium)
            st.caption(f"{count(len(songs), 'song')} chosen.")
            return Picked(songs, search)
    songs = _one_by_one(label, found, key, default)
    _draw_count(len(songs), medium, key)
    return Picked(songs)


def _many_together(label: str, ids: Sequence[str], medium: str, key: str) -> Picked:
    """More songs than can be listed one by one: how many, the first of them, and a way to choose others."""
    from musicgen.songs.library import count_songs, songs_of

    songs = songs_of(ids)
    with st.container(border=True, key=f"{key}.many", gap="xsmall"):
        names = ", ".join(shorten(song.name, 30) for song in songs[:NAMED])
        st.markdown(f"{escape(label)}: **{_of_all(len(songs), medium)}**")
        st.caption(escape(f"{names} and {len(songs) - NAMED:,} more."))
        st.button("Choose other songs", key=f"{key}.others", type="tertiary", on_click=leave_many, args=(key,))
    return Picked(songs, "" if len(songs) == count_songs(medium=medium) else None)


def _of_all(number: int, medium: str) -> str:
    """`3 of 371 MIDI songs chosen`"""
    from musicgen.songs.library import count_songs

    kind = "MIDI" if medium == "midi" else medium
    return f"{number:,} of {count(count_songs(medium=medium), f'{kind} song')} chosen"


def _draw_count(number: int, medium: str, key: str) -> None:
    """How many songs are chosen, and a button that chooses all: the list itself offers only the first ones."""
    from musicgen.songs.library import count_songs

    total = count_songs(medium=medium)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.count"):
        st.caption(_of_all(number, medium), width="content")
        if number < total:
            st.button(
                f"Choose all {total:,}", key=f"{key}.every", type="tertiary", on_click=_choose_every, args=(medium, key)
            )


def _choose_every(medium: str, key: str) -> None:
    from musicgen.songs.library import song_ids

    choose_songs(song_ids(medium=medium), key=key)


def _one_by_one(label: str, found: Sequence[Song], key: str, default: Sequence[str]) -> list[Song]:
    from musicgen.songs.library import songs_of

    chosen = songs_of([str(song_id) for song_id in st.session_state.get(key, default)])
    songs = {song.id: song for song in [*chosen, *found]}
    labels = song_labels(songs.values())
    st.session_state[key] = [song.id for song in chosen]
    ids = st.multiselect(
        label, list(songs), format_func=lambda song_id: labels.get(song_id, song_id), key=key,
        placeholder="Choose songs", persist_state="session",
    )  # fmt: skip
    return [songs[song_id] for song_id in ids]


def song_picker(
    label: str,
    *,
    medium: str | None = None,
    key: str,
    default: str | None = None,
    optional: bool = False,
    none: str = "",
) -> Song | None:
    """One song. `optional` adds a first choice for no song, labelled `none`."""
    from musicgen.songs.library import songs_of

    with kept_place():
        found = _found(medium, key)
    if found is None:
        return None
    chosen = songs_of([str(song_id) for song_id in (st.session_state.get(key, default),) if song_id])
    songs = {song.id: song for song in [*chosen, *found]}
    labels: dict[str | None, str] = {None: none or "None"}
    labels.update(song_labels(songs.values()))
    options = [None, *songs] if optional else list(songs)
    st.session_state[key] = chosen[0].id if chosen else next(iter(options), None)
    song_id = st.selectbox(
        label,
        options,
        format_func=lambda option: labels.get(option, str(option)),
        key=key,
        persist_state="session",
        placeholder=labels[None] if optional else None,
    )
    return songs.get(song_id) if song_id else None


def _found(medium: str | None, key: str) -> list[Song] | None:
    """What can be chosen. If the library has nothing of this medium: None, and the page says what to do."""
    from musicgen.songs.library import count_songs, list_songs

    total = count_songs(medium=medium)
    if not total:
        word = {"audio": "audio files", "midi": "MIDI files"}.get(medium or "", "songs")
        empty_place(
            ":material/library_music:",
            f"No {word} yet",
            "Add your own or try a sample.",
            page="songs",
            label="Go to Songs",
        )
        return None
    search = search_field(total, "songs", key=_search_key(key))
    return list_songs(search=search, medium=medium, limit=SHOWN)


def _search(key: str) -> str:
    return str(st.session_state.get(_search_key(key)) or "").strip()


def _search_key(key: str) -> str:
    return f"{key}.search"
