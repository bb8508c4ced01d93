"""The data that the network will read: shapes, vocabulary, the most common tokens, and what each floor means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from musicgen.evaluation.curves import useful_floors
from pages.ui import run_words
from pages.ui.floor_words import floor_meaning, floor_title
from pages.ui.tables import text_table

NO_FLOOR = " Here a blind guess does better, so it is not drawn as a floor."
# Facts that are drawn or said elsewhere.
TABLES = ("token_table", "token_table_rest", "frequency_histogram", "part", "part_songs", "started_from")


def draw_dataset(facts: Mapping[str, Any], floors: Mapping[str, float]) -> None:
    """The facts on the left; floors and tokens, if there are any, on the right."""
    left, right = st.columns(2, gap="medium")
    with left:
        text_table(("Data", "Value"), fact_rows(facts))
    with right:
        _floors_and_tokens(facts, floors)


def _floors_and_tokens(facts: Mapping[str, Any], floors: Mapping[str, float]) -> None:
    if floors:
        unit = facts.get("loss_unit", "")
        measured = f" (in {unit})" if unit else ""
        st.caption(f"Floors: losses{measured} that simple rules reach without a network. A network should do better.")
        useful = useful_floors(floors)
        rows = (
            (floor_title(name), f"{level:.4g}", floor_meaning(name) + ("" if name in useful else NO_FLOOR))
            for name, level in floors.items()
        )
        text_table(("Floor", "Loss ›", "What it means"), rows)
    if facts.get("token_table"):
        st.caption("The most common tokens")
        with st.container(height=260, key="token_table"):
            text_table(("Token", "Count ›", "Share ›"), token_rows(facts))


def fact_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts that `prepare` found, in words."""
    rows = []
    for name, value in facts.items():
        if name in TABLES:
            continue
        # `n_windows` counts all windows where training windows are listed too, otherwise it is the training windows.
        title = "windows" if name == "n_windows" and "n_training_windows" in facts else run_words.fact_title(name)
        is_list = isinstance(value, list | tuple) and not name.endswith("shape")
        rows.append((title, ", ".join(map(run_words.fact_value, value)) if is_list else run_words.fact_value(value)))
    return rows


def token_rows(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The most frequent tokens first, then the share of all others together."""
    table, rest = facts["token_table"], facts.get("token_table_rest")
    total = facts.get("n_tokens") or sum(int(each["count"]) for each in table)
    rows = [
        (str(each["token"]), f"{int(each['count']):,}", f"{100 * int(each['count']) / total:.2g} %") for each in table
    ]
    return [*rows, ("all others", "", f"{100 * float(rest):.2g} %")] if rest else rows
