"""The lessons as cards, and which of them is open: it is part of the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import span
from pages.ui.layout import medium_badge
from pages.ui.state import recall, remember
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt
    from musicgen.lessons.lesson import Lesson

OPEN = "lesson_open"  # in the session: the lesson that was open last


def choose_lesson(lessons: Mapping[str, Lesson]) -> str:
    """The lesson that the address names, else the one opened last, else the first."""
    linked = st.query_params.get("lesson") or ""
    chosen = linked if linked in lessons else str(recall(OPEN, ""))
    key = chosen if chosen in lessons else next(iter(lessons))
    remember(OPEN, key)
    if linked != key:
        st.query_params["lesson"] = key
    return key


def draw_cards(lessons: Mapping[str, Lesson], newest: Mapping[str, Attempt], *, chosen: str) -> None:
    with st.grid(3, min_column_width=260, border=True, key="lesson_cards") as grid:
        for key, lesson in lessons.items():
            with grid.cell(), st.container(gap="xsmall"):
                _draw_card(key, lesson, newest.get(key), is_chosen=key == chosen)


def _draw_card(key: str, lesson: Lesson, attempt: Attempt | None, *, is_chosen: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{escape(f'{lesson.number}. {lesson.title}')}**", width="content")
        medium_badge(lesson.medium)
    st.markdown(escape(lesson.summary))
    st.caption(state_words(lesson, attempt))
    st.button(
        "Shown below" if is_chosen else "Open", key=f"lesson_open.{key}", disabled=is_chosen, type="tertiary",
        icon=":material/menu_book:", on_click=_open, args=(key,),
    )  # fmt: skip


def _open(key: str) -> None:
    st.query_params.from_dict({"lesson": key})


def state_words(lesson: Lesson, attempt: Attempt | None) -> str:
    """How long it takes, or what came of the newest attempt."""
    if attempt is None:
        return f"Takes about {span(lesson.seconds)} of computing."
    if not attempt.is_finished:
        return ":material/hourglass_top: Begun, not finished."
    if attempt.verdict["is_right"]:
        return ":material/check_circle: It came out as you said."
    return ":material/lightbulb: It came out otherwise than you said."
