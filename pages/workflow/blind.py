"""Which one is real? In each round, listen to two excerpts and say which one is the original."""

from __future__ import annotations

import streamlit as st

from musicgen.errors import NotFound
from pages.blind.making import draw_making, is_making
from pages.blind.result_view import draw_result
from pages.blind.round_view import draw_round
from pages.blind.setup import draw_setup
from pages.ui.errors import shown_errors
from pages.ui.layout import kept_place, page_heading
from pages.ui.state import linked_id


def main() -> None:
    from musicgen.listening.records import get_test

    page_heading("blind")
    with shown_errors():
        test = None
        if test_id := linked_id("test"):
            try:
                test = get_test(test_id)
            except NotFound:  # deleted, perhaps in another tab; the heading says so
                st.query_params.pop("test")
        with kept_place():
            if test is None and is_making():
                draw_making()
        if test is None:
            draw_setup()
        elif test.is_open:
            draw_round(test)  # nothing on the page names the pieces
        else:
            draw_result(test)


main()
