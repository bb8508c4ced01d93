"""Which tracks of the chosen MIDI songs to train on. Choosing none means all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.wording import count
from pages.ui.text import shorten

if TYPE_CHECKING:
    from musicgen.songs.library import Song

PER_PAGE = 8


def tracks_picker(songs: Sequence[Song]) -> dict[str, tuple[int, ...] | None]:
    """song id → chosen track numbers, None for all. Songs with a single track are not listed."""
    choosable = [song for song in songs if len(song.facts.get("tracks") or ()) > 1]
    if choosable:
        limited = sum(1 for song in choosable if st.session_state.get(_key(song)))
        title = f"Tracks: chosen in {count(limited, 'song')}" if limited else "Tracks: all"
        with st.expander(title, icon=":material/queue_music:", key="tracks"):
            _page_of(choosable)
    return {song.id: _chosen(song) for song in songs}


def _page_of(songs: Sequence[Song]) -> None:
    pages = -(-len(songs) // PER_PAGE)
    page = st.pagination(pages, key="tracks_page") if pages > 1 else 1
    for song in songs[(page - 1) * PER_PAGE : page * PER_PAGE]:
        tracks = {int(track["index"]): track for track in song.facts["tracks"]}
        with st.container(gap="xxsmall"):
            st.text(shorten(song.name, 60))
            st.multiselect(
                "Tracks", list(tracks), format_func=partial(_label_of, tracks),
                key=_key(song), placeholder=f"all {len(tracks)} tracks", label_visibility="collapsed",
                persist_state="session",
            )  # fmt: skip


def _label_of(tracks: dict[int, dict[str, Any]], index: int) -> str:
    return track_label(tracks[index])


def track_label(track: dict[str, Any]) -> str:
    """`1 · Soprano · Choir Aahs · 54 notes`."""
    name, instrument = str(track.get("name", "")).strip(), str(track.get("instrument", ""))
    parts = [str(track["index"]), shorten(name, 30) if name != instrument else "", instrument]
    return " · ".join([*filter(None, parts), count(int(track.get("num_notes", 0)), "note")])


def track_choices(songs: Sequence[Song], chosen: Mapping[str, tuple[int, ...] | None]) -> dict[int, str]:
    """track number → `11: Guitar · Electric Guitar (jazz) · 430 notes`, over all songs. A number may mean different
    tracks in different songs: the first song that has it gives the name. `chosen`: what `tracks_picker` returned."""
    holders: dict[int, list[dict[str, Any]]] = {}
    for song in songs:
        for track in song.facts.get("tracks") or ():
            if chosen.get(song.id) is None or int(track["index"]) in (chosen[song.id] or ()):
                holders.setdefault(int(track["index"]), []).append(track)
    return {index: _choice_of(index, holders[index], len(songs)) for index in sorted(holders)}


def _choice_of(index: int, tracks: Sequence[dict[str, Any]], num_songs: int) -> str:
    number, *rest = track_label(tracks[0]).split(" · ")
    words = f"{number}: {' · '.join(rest)}"
    return words if num_songs == 1 else f"{words} · in {len(tracks)} of {num_songs} songs"


def _key(song: Song) -> str:
    return f"tracks.{song.id}"


def _chosen(song: Song) -> tuple[int, ...] | None:
    known = {int(track["index"]) for track in (song.facts.get("tracks") or ())}
    chosen = tuple(sorted(index for index in st.session_state.get(_key(song)) or () if index in known))
    return chosen if chosen and len(chosen) < len(known) else None
