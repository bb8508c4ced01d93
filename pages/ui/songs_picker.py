"""Choosing songs from the library on other pages: quick with thousands, and two songs of one name stay two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.layout import empty_place
from pages.ui.text import clock, shorten

if TYPE_CHECKING:
    from musicgen.songs.library import Song

SHOWN = 300  # names sent to the browser at once; the search reaches the rest


def song_labels(songs: Iterable[Song]) -> dict[str, str]:
    """id → what to show. Widgets tell options apart by their text, so equal texts get the end of the id."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for song in songs:
        label = f"{shorten(song.name)} · {clock(song.seconds)}"
        label = f"{label} · {song.id[-4:]}" if label in taken else label
        labels[song.id] = song.id if label in taken else label
        taken.add(labels[song.id])
    return labels


def songs_picker(
    label: str, *, medium: str, key: str, default: Sequence[str] = (), help: str | None = None
) -> list[Song]:
    """Any number of songs of one medium; `default` (ids) is used the first time. Empty library: says what to do."""
    found = _found(medium, key)
    if not found:
        return []
    chosen = _still_there([str(song_id) for song_id in st.session_state.get(key, default)])
    songs = {song.id: song for song in [*chosen, *found]}
    labels = song_labels(songs.values())
    st.session_state[key] = [song.id for song in chosen]
    ids = st.multiselect(
        label, list(songs), format_func=lambda song_id: labels.get(song_id, song_id), key=key, help=help,
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
    """One song. `optional` adds a first choice that means none, worded `none`."""
    found = _found(medium, key)
    if not found:
        return None
    chosen = _still_there([str(song_id) for song_id in (st.session_state.get(key, default),) if song_id])
    songs = {song.id: song for song in [*chosen, *found]}
    labels: dict[str | None, str] = {None: none or "None"}
    labels.update(song_labels(songs.values()))
    options = [None, *songs] if optional else list(songs)
    st.session_state[key] = chosen[0].id if chosen else options[0]
    song_id = st.selectbox(
        label,
        options,
        format_func=lambda option: labels.get(option, str(option)),
        key=key,
        persist_state="session",
        placeholder=labels[None] if optional else None,
    )
    return songs.get(song_id) if song_id else None


def _found(medium: str | None, key: str) -> list[Song]:
    from musicgen.songs.library import count_songs, list_songs

    total = count_songs(medium=medium)
    if not total:
        word = {"audio": "audio files", "midi": "MIDI files"}.get(medium or "", "songs")
        empty_place(
            ":material/library_music:",
            f"No {word} yet",
            "Bring your own or take a sample.",
            page="songs",
            label="Go to Songs",
        )
        return []
    search = ""
    if total > SHOWN:
        search = st.text_input(
            f"Search in {total:,} songs", key=f"{key}.search", icon=":material/search:", persist_state="session"
        )
    return list_songs(search=search, medium=medium, limit=SHOWN)


def _still_there(ids: list[str]) -> list[Song]:
    from musicgen.errors import NotFound
    from musicgen.songs.library import get_song

    songs = []
    for song_id in ids:
        try:
            songs.append(get_song(song_id))
        except NotFound:  # removed meanwhile, in another tab perhaps
            continue
    return songs
