"""Rights to songs in the user's words: optional, under "More", at import and on a song's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.errors import shown_errors

if TYPE_CHECKING:
    from musicgen.songs.library import Song

AT_IMPORT = "import_rights"
EXAMPLE = "For example: traditional; my own recording"
SHOWN_ON = "It is shown on the cards and in the reports of runs that train on them."
MAX_LENGTH = 2000


def draw_rights_at_import() -> None:
    """What is said about the songs that are added from now on."""
    with st.popover("More", icon=":material/more_horiz:", key="import_more"):
        st.text_area(
            "Rights to the songs you add", key=AT_IMPORT, max_chars=MAX_LENGTH, height=90, placeholder=EXAMPLE,
            persist_state="session", help=f"Optional, in your words. {SHOWN_ON}",
        )  # fmt: skip


def rights_at_import() -> str:
    return str(st.session_state.get(AT_IMPORT) or "")


def draw_rights(song: Song) -> None:
    """What is said about this song, to be changed at any time."""
    from musicgen.songs.library import state_rights

    with st.popover("More", icon=":material/more_horiz:", key="song_more"), st.form("song_rights_form", border=False):
        rights = st.text_area(
            "Rights", value=song.rights, key=f"song_rights.{song.id}", max_chars=MAX_LENGTH, height=90,
            placeholder=EXAMPLE, help=f"Optional, in your words. {SHOWN_ON.replace('them', 'it')}",
        )  # fmt: skip
        if st.form_submit_button("Save the rights", key="song_rights_save", type="primary"):
            with shown_errors():
                state_rights([song.id], rights)
                st.rerun()
