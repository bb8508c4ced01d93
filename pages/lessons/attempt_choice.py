"""Which attempt at a lesson is shown: the one in the address, else the newest; none where a new one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import count
from pages.ui.layout import kept_place
from pages.ui.state import forget, linked_id, recall, remember
from pages.ui.text import ago, shorten

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt

NEWEST = 50


def choose_attempt(key: str) -> Attempt | None:
    """None: the question is shown, because there is no attempt or the visitor wants to begin again."""
    from musicgen.lessons.attempts import list_attempts

    found = {attempt.id: attempt for attempt in list_attempts(key, limit=NEWEST) if attempt.is_readable}
    linked = linked_id("attempt")
    place = kept_place()
    left = recall(_again_key(key))  # the attempt that was shown when the visitor began again
    if linked in found and linked != left:
        forget(_again_key(key))
    elif not found or left:
        return None
    with place:
        return found[_choose(key, found, linked if linked in found else next(iter(found)))]


def _choose(key: str, found: dict[str, Attempt], shown: str) -> str:
    if len(found) == 1:
        return shown
    name = f"lesson_attempt.{key}"
    st.session_state[name] = shown
    st.selectbox(
        "Attempt", list(found), key=name, format_func=lambda each: attempt_words(found[each]), on_change=_show,
        args=(name,),
    )  # fmt: skip
    return shown


def attempt_words(attempt: Attempt) -> str:
    """`yesterday, 10 songs, Chorale in G …, a1b2`."""
    songs = attempt.songs
    names = shorten(songs[0]["name"], 30) if songs else ""
    more = f" and {count(len(songs) - 1, 'more', 'more')}" if len(songs) > 1 else ""
    return f"{ago(attempt.created_at)} · {names}{more} · {attempt.id[-4:]}"


def _show(name: str) -> None:
    st.query_params["attempt"] = st.session_state[name]


def begin_again(key: str, attempt_id: str) -> None:
    """Show the question of this lesson once more, instead of this attempt. Then run the page
    again."""
    remember(_again_key(key), attempt_id)
    forget(starting_key(key))  # this attempt may have been shown, as the newest, before its start was told as done
    st.query_params.pop("attempt", None)


def show_attempt(key: str, attempt_id: str) -> None:
    forget(_again_key(key))
    st.query_params["attempt"] = attempt_id


def starting_key(key: str) -> str:
    """Under this name the visit remembers an attempt that is being started."""
    return f"lesson_starting.{key}"


def _again_key(key: str) -> str:
    return f"lesson_again.{key}"
