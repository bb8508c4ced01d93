"""Five short lessons: predict what a network will do, let it run, hear and see what it did, and read why."""

from __future__ import annotations

import streamlit as st

from pages.lessons.attempt_choice import choose_attempt
from pages.lessons.cards import choose_lesson, draw_cards
from pages.lessons.predict import draw_question
from pages.lessons.report_view import draw_report
from pages.lessons.result import draw_result
from pages.lessons.working import draw_work
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import empty_place, kept_place, page_heading
from pages.ui.text import escape


def main() -> None:
    from musicgen.lessons.attempts import newest_attempts
    from musicgen.lessons.shelf import shelf

    page_heading("lessons", "Predict, run, listen, and read why. On our samples, or on your own songs.")
    there, newest = shelf(), newest_attempts()
    for fault in there.faults:
        st.warning(escape(f"A lesson file cannot be used. {fault}"), icon=":material/warning:")
    if not there.lessons:
        empty_place(":material/menu_book:", "No lessons", "Add one to assets/lessons and it appears here.")
        return
    key = choose_lesson(there.lessons)
    lesson = there.lessons[key]
    draw_cards(there.lessons, newest, chosen=key)
    with st.container(border=True, key="lesson"):
        attempt = choose_attempt(key)
        if attempt is None:
            draw_question(key, lesson)
        elif attempt.is_finished:
            draw_result(attempt)
        else:
            with kept_place():
                draw_work(attempt)
    with kept_place():
        draw_report(newest)
    if attempt is None:
        show_command(command_line("lessons", "show", key))
    else:
        show_command(command_line("lessons", "show", attempt.id))


with shown_errors():
    main()
