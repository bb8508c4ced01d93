"""The last two steps of a lesson: hear and see what came out, and read why. It is kept with the attempt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.comparison.loss_drawing import run_drawing, runs_drawing
from musicgen.wording import count, span
from pages.lessons.attempt_choice import begin_again
from pages.ui.charts import loss_figure
from pages.ui.charts.colours import RUNS
from pages.ui.charts.curves import draw_losses
from pages.ui.charts.run_curves import run_curves_figure
from pages.ui.errors import shown_errors
from pages.ui.layout import kept_place, section_heading
from pages.ui.navigation import page_link
from pages.ui.player import PlayerLane, Region, draw_player
from pages.ui.tables import text_table
from pages.ui.text import ago, escape, shorten

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt
    from musicgen.lessons.showing import Shown


def draw_result(attempt: Attempt) -> None:
    """Everything that came out of a finished attempt."""
    from musicgen.lessons.showing import shown

    lesson = attempt.lesson
    section_heading(lesson.title)
    st.markdown(f"You predicted: **{escape(lesson.answer(attempt.answer).text)}**")
    st.caption(escape(_circumstances(attempt)))
    st.markdown("### 3. Hear and see")
    with shown_errors():
        for number, view in enumerate(shown(attempt)):
            with kept_place():
                _draw_view(attempt, view, number)
    st.markdown("### 4. Why")
    _draw_why(attempt)
    _draw_next(attempt)


def _circumstances(attempt: Attempt) -> str:
    songs = attempt.songs
    names = ", ".join(shorten(song["name"], 40) for song in songs[:3])
    more = f" and {len(songs) - 3:,} more" if len(songs) > 3 else ""
    seconds = float(attempt.result.get("seconds") or 0.0)
    return f"On {count(len(songs), 'song')}: {names}{more}. {ago(attempt.created_at)}, {span(seconds)} of work."


def _draw_view(attempt: Attempt, shown: Shown, number: int) -> None:
    st.markdown(f"**{escape(shown.view.title)}**")
    if shown.runs:
        _draw_curves(attempt, shown, number)
    if shown.lanes:
        lanes = [
            PlayerLane(
                lane.id, lane.clip, title=shorten(lane.title, 60), picture=shown.view.picture,
                role="reference" if lane.role == "reference" else "generated",
            )
            for lane in shown.lanes
        ]  # fmt: skip
        marks = [Region(**mark.__dict__) for mark in shown.marks]
        draw_player(lanes, key=f"lesson_player.{number}", regions=marks)
        if marks:
            st.caption("Marked passages occur in both. Click one to hear it here, then there.")
    if shown.missing:
        st.caption(escape(f"Deleted since: {', '.join(shown.missing)}. What was measured is kept."))


def _draw_curves(attempt: Attempt, shown: Shown, number: int) -> None:
    key = f"lesson_curves.{number}"
    if len(shown.runs) == 1:
        run = shown.runs[0]
        floors = (run.prepared or {}).get("floors") or {}
        draw_losses(
            run_drawing(run.history, floors, run.best_epoch),
            partial(loss_figure, run.history, floors, run.best_epoch),
            key=key, alt="Training and validation loss over the epochs, floors as dashed lines",
        )  # fmt: skip
        return
    runs = list(shown.runs)
    alt = "Loss of each run over the epochs, with its lowest floor as a dashed line"
    draw_losses(runs_drawing(runs, RUNS), partial(run_curves_figure, runs), key=key, alt=alt)


def _draw_why(attempt: Attempt) -> None:
    from musicgen.lessons.judging import value_rows

    verdict = attempt.verdict
    with st.container(key="lesson_verdict"):
        show = st.success if verdict["is_right"] else st.info
        icon = ":material/check_circle:" if verdict["is_right"] else ":material/lightbulb:"
        show(f"**{escape(verdict['headline'])}**", icon=icon)
        for text in verdict["why"]:
            st.markdown(escape(text))
    with st.container(key="lesson_values"):
        text_table(("Measured in this run", "Value"), value_rows(attempt.lesson, attempt.values))


def _draw_next(attempt: Attempt) -> None:
    from musicgen.lessons.following import runs_of

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Begin again", key="lesson_again", icon=":material/replay:"):
            begin_again(attempt.lesson_key, attempt.id)
            st.rerun()
        for name, run in runs_of(attempt).items():
            page_link("runs", escape(f"Run: {attempt.lesson.run(name).title}"), run=run.id)
