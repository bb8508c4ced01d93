"""Read what each approach does, what it learns from and which settings it has."""

from __future__ import annotations

from typing import Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.approaches.base import Approach, Parameters
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.form import Entry, entries
from pages.ui.layout import empty_place, medium_badge, page_heading
from pages.ui.navigation import PLACES, go_to
from pages.ui.tables import text_table
from pages.ui.text import escape


def allowed(entry: Entry) -> str:
    """The bounds or choices of a field, in words."""
    if entry.choices:
        return ", ".join(str(choice) for choice in entry.choices)
    if entry.kind == "boolean":
        return "on or off"
    if entry.low is not None and entry.high is not None:
        return f"{entry.low:,} to {entry.high:,}"
    if entry.low is not None:
        return f"from {entry.low:,}"
    return "" if entry.high is None else f"up to {entry.high:,}"


def words(value: Any) -> str:
    """A value of a setting, as one would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(words(item) for item in value)
    return "none" if value is None else str(value)


def draw_parameters(model: type[Parameters]) -> None:
    rows = (
        (entry.name, f"{words(entry.default)} {entry.unit}".strip(), allowed(entry), f"{entry.title}. {entry.help}")
        for entry in entries(model)
    )
    text_table(("Setting", "Default", "Allowed", "What it does"), rows)


def draw_presets(approach: Approach) -> None:
    for name, preset in approach.presets.items():
        st.markdown(f"**{escape(name)}**: {escape(preset.summary)}")
    with st.expander("What the presets set", icon=":material/tune:"):
        values = {name: {**preset.training, **preset.generation} for name, preset in approach.presets.items()}
        fields = dict.fromkeys(field for named in values.values() for field in named)
        rows = (
            [field, *(words(named[field]) if field in named else "" for named in values.values())] for field in fields
        )
        text_table(("Setting", *values), rows)


def draw(approach: Approach) -> None:
    with st.container(border=True, key=f"approach_{approach.key}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(approach.title, anchor=approach.key.replace("_", "-"))
            medium_badge(approach.medium)
        st.markdown(escape(approach.summary))
        st.caption(f"After {escape(approach.reference)}")
        draw_presets(approach)
        with st.expander("Settings for training", icon=":material/school:"):
            draw_parameters(approach.Training)
        with st.expander("Settings for generating", icon=":material/auto_awesome:"):
            draw_parameters(approach.Generation)
        if st.button("Train with it", key=f"approach_train.{approach.key}", icon=PLACES["train"].icon):
            st.session_state["approach"] = approach.key  # the choice on the Train page
            go_to("train")


page_heading("approaches", "What each network reads, how it learns, and every setting it has.")
with shown_errors():
    for known in approaches().values():
        draw(known)
    if not approaches():
        empty_place(":material/account_tree:", "No approaches", "Put a file into musicgen/approaches; it appears here.")
    show_command(command_line("approaches"))
