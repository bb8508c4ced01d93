"""One song: listen to it, look at it, rename it, download it, remove it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.songs.clip_view import clip_view
from pages.songs.heard_view import draw_heard
from pages.songs.rights_field import draw_rights
from pages.songs.song_intake import listed
from pages.songs.song_selection import unselect
from pages.ui.errors import shown_errors
from pages.ui.layout import facts_row, section_heading
from pages.ui.navigation import PLACES, go_to
from pages.ui.outputs.downloads import download_buttons
from pages.ui.state import choose_id
from pages.ui.tables import text_table
from pages.ui.text import ago, clock, escape
from pages.ui.training_songs import take_songs

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.songs.library import Song
    from pages.ui.player import PlayerLane

CHANNELS = {1: "mono", 2: "stereo"}


def draw_song(song: Song) -> None:
    """The whole view of a song. If its files are missing: what is known about it, and a way to remove it."""
    _draw_head(song)
    facts_row(song_facts(song))
    with shown_errors():
        _draw_clip(song, song.clip)
    with st.expander("Import report", icon=":material/fact_check:"):
        _draw_report(song)


def _draw_clip(song: Song, clip: Clip) -> None:
    view = st.container()
    beside: list[PlayerLane] = []
    if song.medium == "midi":
        section_heading("Tracks")
        text_table(("Track ›", "Name", "Instrument", "Notes ›", "Range"), track_rows(song))
    else:
        beside = draw_heard(song)
    section_heading("Download")
    download_buttons(clip, song.name)
    with view, shown_errors():  # last, because rendering a score to sound can take a while
        names = [track_title(track) for track in (song.facts.get("tracks") or ())]
        clip_view(clip, key="song", track_names=names, beside=beside)


def _draw_head(song: Song) -> None:
    leave = partial(choose_id, "song", None)
    st.button("All songs", key="song_back", icon=":material/arrow_back:", type="tertiary", on_click=leave)
    st.title(escape(song.name), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if st.button("Train on it", key="song_train", icon=PLACES["train"].icon, type="primary"):
            take_songs([song.id])
            go_to("train", song=song.id)
        _draw_rename(song)
        _draw_remove(song)
        draw_rights(song)


def _draw_rename(song: Song) -> None:
    from musicgen.songs.library import rename_song

    with st.popover("Rename", icon=":material/edit:", key="song_rename_box"), st.form("song_rename_form", border=False):
        name = st.text_input("Name", value=song.name, key=f"song_name.{song.id}", max_chars=120)
        if st.form_submit_button("Rename", key="song_rename", type="primary"):
            with shown_errors():
                rename_song(song.id, name)
                st.rerun()


def _draw_remove(song: Song) -> None:
    from musicgen.songs.library import remove_song

    with st.popover("Remove", icon=":material/delete:", key="song_remove_box"):
        st.markdown("Remove this song and its file from the library? Runs trained on it are kept.")
        if st.button("Remove the song", key="song_remove", type="primary", icon=":material/delete:"):
            with shown_errors():
                remove_song(song.id)
                unselect(song.id)
                choose_id("song", None)
                st.rerun()


def song_facts(song: Song) -> list[tuple[str, str]]:
    """The most important facts."""
    facts = song.facts
    shown = [("Length", clock(song.seconds)), ("Format", song.format.upper())]
    if song.medium == "midi":
        key = f"{facts['key']} ({facts.get('key_confidence', 0):.0%})" if facts.get("key") else "unclear"
        shown += [
            ("Tempo", f"{facts.get('tempo', 0):.0f} BPM" + (" …" if facts.get("tempo_changes", 0) > 1 else "")),
            ("Time", str(facts.get("time_signature") or "not given")),
            ("Key (estimate)", key),
            ("Notes", f"{facts.get('num_notes', 0):,}"),
        ]
    else:
        n_channels = facts.get("n_channels", 0)
        shown += [
            ("Sample rate", f"{facts.get('sample_rate', 0):,} Hz"),
            ("Channels", CHANNELS.get(n_channels, str(n_channels))),
            ("Level", f"{facts.get('rms_db', 0):.1f} dBFS"),
            ("Peak", f"{facts.get('peak_db', 0):.1f} dBFS"),
        ]
    return [*shown, ("Added", ago(song.created_at))]


def track_title(track: dict[str, Any]) -> str:
    """A track's name, or its instrument if it has no name."""
    return track.get("name") or track.get("instrument") or f"track {track.get('index', 0) + 1}"


def track_rows(song: Song) -> list[tuple[Any, ...]]:
    from musicgen.symbolic.pitches import pitch_name

    rows = []
    for track in song.facts.get("tracks") or ():
        lowest, highest = track.get("lowest_pitch"), track.get("highest_pitch")
        is_melodic = lowest is not None and highest is not None and not track.get("is_drum")
        reach = f"{pitch_name(lowest)} to {pitch_name(highest)}" if is_melodic else ""
        rows.append((track["index"] + 1, track["name"], track["instrument"], f"{track['num_notes']:,}", reach))
    return rows


def _draw_report(song: Song) -> None:
    report = song.report
    facts_row(
        [
            ("Source", song.source),
            ("Kept", listed(report.get("kept"))),
            ("Left out", listed(report.get("dropped")) or "nothing"),
            ("Rights", song.rights or "not stated"),
        ]
    )
    for warning in report.get("warnings") or ():
        st.caption(escape(warning))
    st.caption(f"{escape(song.id)} · sha256 {song.sha256[:16]}…")
