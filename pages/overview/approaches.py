"""See how each approach works: its idea, its network, its input and output, what it can learn and how long it takes."""

from __future__ import annotations

import streamlit as st

from musicgen.approaches import approaches
from pages.approaches.approach_view import draw_approach, draw_card
from pages.approaches.preset_times import times_here
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import MEDIA, empty_place, page_heading
from pages.ui.linked import linked_select
from pages.ui.navigation import page_link
from pages.ui.network_view import network_style


def main() -> None:
    page_heading("approaches", "What each network reads, how it learns, and all of its settings.")
    known, times = approaches(), times_here()
    if not known:
        empty_place(":material/account_tree:", "No approaches", "Add one to musicgen/approaches and it appears here.")
        return
    page_link("lessons", "Five short lessons: predict, listen, and see why")
    network_style()
    cards = st.container()
    labels = {key: f"{each.title} · {MEDIA[each.medium][0]}" for key, each in known.items()}
    with st.container(border=True, key="approach_inside"):
        chosen = linked_select("Approach", labels, key="approach_shown", param="approach", default=next(iter(known)))
        draw_approach(known[chosen], times)
    with cards, st.grid(3, min_column_width=260, border=True, key="approach_cards") as grid:
        for key, each in known.items():
            with grid.cell(), st.container(gap="xsmall"):
                draw_card(each, times, is_chosen=key == chosen)


with shown_errors():
    main()
    show_command(command_line("approaches"))
