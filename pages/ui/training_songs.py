"""Sending songs to the Train page: the songs just added, those selected in the list, or a single one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from musicgen.approaches import approaches
from pages.ui.search_field import SHOWN
from pages.ui.state import forget, recall, remember

FIRST = {"midi": "note_lstm", "audio": "amplitude_lstm"}  # offered to a newcomer: these learn from any song


def picker_key(medium: str) -> str:
    """The key of the list of songs on the Train page."""
    return f"songs.{medium}"


def first_approach(medium: str) -> str:
    known = approaches()
    fitting = [key for key in known if known[key].medium == medium] or list(known)
    return FIRST[medium] if FIRST[medium] in fitting else fitting[0]


def take_songs(ids: Sequence[str]) -> None:
    """Choose exactly these songs for the next training. Notes and sound are chosen apart: the approach stays if it
    reads any of them, otherwise it becomes one that reads most of them."""
    from musicgen.songs.library import each_of

    media = {song.id: song.medium for song in each_of(list(dict.fromkeys(ids)))}
    if not media:
        return
    for medium in set(media.values()):
        choose_songs([song_id for song_id, its in media.items() if its == medium], key=picker_key(medium))
    current = approaches().get(str(st.session_state.get("approach")))
    if current is None or current.medium not in media.values():
        most = Counter(media.values()).most_common(1)[0][0]
        st.session_state["approach"] = first_approach(most)


def choose_songs(ids: Sequence[str], *, key: str) -> None:
    """Put songs into the picker with this key, instead of what was chosen there."""
    st.session_state[f"{key}.all"] = False
    st.session_state[f"{key}.search"] = ""
    if len(ids) > SHOWN:
        remember(_many(key), tuple(ids))
        return
    forget(_many(key))
    st.session_state[key] = list(ids)


def many_chosen(key: str) -> tuple[str, ...]:
    """The songs chosen together, if they are more than a list shows one by one."""
    return tuple(recall(_many(key), ()))


def leave_many(key: str) -> None:
    """Go back to choosing one by one."""
    forget(_many(key))


def _many(key: str) -> str:
    return f"{key}.many"
