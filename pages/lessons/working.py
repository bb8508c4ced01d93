"""The second step of a lesson: its runs at work, with the time left and a stop. Anyone who looks sees the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.wording import span
from pages.lessons.attempt_choice import begin_again
from pages.ui.background import forget, later
from pages.ui.errors import show_error, shown_errors
from pages.ui.layout import STATES, kept_place, section_heading
from pages.ui.navigation import page_link
from pages.ui.tables import text_table
from pages.ui.text import escape
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt
    from musicgen.lessons.following import Part, Work

LIVE_SECONDS = 1.0


def draw_work(attempt: Attempt) -> None:
    """Until everything is made and measured; then the page is drawn again with what came out."""
    section_heading(attempt.lesson.title)
    st.markdown(f"You predict: **{escape(attempt.lesson.answer(attempt.answer).text)}**")
    st.markdown("### 2. Run")
    work = _look(attempt)
    if work.is_done:
        _measure(attempt)
    elif work.is_active and work.broken is None:
        st.fragment(_live, run_every=LIVE_SECONDS)(attempt)
    else:
        _draw_parts(work)
        _draw_broken(attempt, work)


def _look(attempt: Attempt) -> Work:
    from musicgen.lessons.attempts import get_attempt, order_work
    from musicgen.lessons.following import WAITING, attempt_work

    work = attempt_work(attempt)
    if any(part.kind == "train" and part.state == WAITING for part in work.parts):
        order_work(attempt)  # after a crash between two of them
        work = attempt_work(get_attempt(attempt.id))
    return work


def _live(attempt: Attempt) -> None:
    with shown_errors():
        work = _look(attempt)
        if work.is_done or work.broken is not None:
            st.rerun()
        words = f"{work.share:.0%} · about {span(work.seconds_left)} left, if nothing else is at work"
        st.progress(work.share, text=escape(words))
        _draw_parts(work)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Stop", key="lesson_stop", icon=":material/stop:"):
                _stop(attempt)
            if run_id := next((part.run_id for part in work.parts if part.is_active and part.run_id), ""):
                page_link("runs", "Watch it on the Runs page", run=run_id)
        st.caption("You can leave this page or close the tab: the work goes on, and the lesson waits for you here.")


def _draw_parts(work: Work) -> None:
    rows = [(part.title, _state_words(part), f"{part.share:.0%}") for part in work.parts]
    text_table(("Part", "State", "Done ›"), rows)


def _state_words(part: Part) -> str:
    if part.state == "gone":
        return "deleted"
    title = STATES[part.state][0] if part.state in STATES else "Waiting"
    told = part.progress or {}
    if part.state == "running" and told.get("epochs"):
        return f"{title}: epoch {told.get('epoch', 0)} of {told['epochs']}"
    return title if part.state != "running" or not told.get("phase") else f"{title}: {told['phase']}"


def _stop(attempt: Attempt) -> None:
    from musicgen.lessons.finishing import stop

    stop(attempt.id)
    st.toast("Stopping. What was made so far is kept.")


def _draw_broken(attempt: Attempt, work: Work) -> None:
    """A part ended early. What waits behind it is stopped, too."""
    from musicgen.lessons.finishing import stop

    part = work.broken
    if part is None:
        return
    if work.is_active:
        stop(attempt.id)
    if part.state == "failed":
        st.error(escape(f"“{part.title}” failed. {part.reason}".strip()), icon=":material/error:")
    else:
        st.info(escape(f"This lesson was stopped. {part.reason}".strip()), icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Begin again", key="lesson_again", icon=":material/replay:"):
            begin_again(attempt.lesson_key, attempt.id)
            st.rerun()
        if part.run_id:
            page_link("runs", "Open the run", run=part.run_id)


def _measure(attempt: Attempt) -> None:
    from musicgen.lessons.finishing import finish

    key = f"lesson finish {attempt.id}"
    work = later(key, lambda: finish(attempt))
    with kept_place():
        if not work.done():
            wait_for([work], "Measuring what came out", st.rerun)
            return
        error = work.exception()
        forget(key)
        if isinstance(error, MusicgenError):
            show_error(error)
            st.button("Measure again", key="lesson_measure_again", type="tertiary", on_click=partial(forget, key))
        else:
            st.rerun()
