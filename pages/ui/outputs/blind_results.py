"""What blind tests say about an output: on its card and wherever the output is shown."""

from __future__ import annotations

import streamlit as st

from pages.ui.text import escape


def draw_confusion(output_id: str) -> None:
    """How often the output was taken for real, and its ABX tests; nothing if no test is finished."""
    from musicgen.listening.records import list_tests
    from musicgen.listening.results import added_up, confusion_words, finished_abx, score_words

    tests = list_tests(output_id)
    if chance := added_up(tests):
        with st.container(key=f"confusion_{output_id}"):
            st.caption(f":material/hearing: {escape(confusion_words(chance))}.")
    for test, chance in finished_abx(tests):
        other = test.facts["output"] if test.other_id == output_id else ", ".join(test.facts.get("against", ()))
        st.caption(f":material/hearing: ABX with “{escape(other)}”: {escape(score_words(chance))}.")
