"""Add songs and MIDI files, listen to them, look at them, rename and remove them."""

import streamlit as st

from pages.songs.song_intake import draw_progress, draw_report, draw_samples, draw_uploader
from pages.songs.song_list import draw_list
from pages.songs.song_view import draw_song
from pages.ui.commands import command_line, show_command
from pages.ui.errors import show_error, shown_errors
from pages.ui.layout import kept_place, page_heading
from pages.ui.state import choose_id, linked_id


def draw_library() -> None:
    """The uploader and the samples, the report of the last import, and the list."""
    page_heading("songs", "Add songs and MIDI files, or try a sample. Everything stays on this machine.")
    upload, samples = st.columns([3, 2], gap="medium")
    with upload:
        draw_uploader()
    with samples, shown_errors():
        draw_samples()
    progress = kept_place()
    with kept_place():
        draw_report()
    draw_list()
    show_command(command_line("songs", "add", "FILE"))
    with progress:
        draw_progress()


def draw_chosen(song_id: str) -> None:
    """The chosen song; the library, with the reason, if it no longer exists."""
    from musicgen.errors import NotFound
    from musicgen.songs.library import get_song

    try:
        song = get_song(song_id)
    except NotFound as error:
        choose_id("song", None)
        with notice:
            show_error(error)
        draw_library()
        return
    draw_song(song)


chosen = linked_id("song")
notice = kept_place()
with shown_errors():
    if chosen:
        draw_chosen(chosen)
    else:
        draw_library()
