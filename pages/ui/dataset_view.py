"""What the network will read: shapes, vocabulary, the commonest tokens, and floors with what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import run_words
from pages.ui.floor_words import floor_meaning, floor_title
from pages.ui.tables import text_table

TABLES = ("token_table", "token_table_rest", "frequency_histogram")  # facts that are drawn, not said


def draw_dataset(facts: Mapping[str, Any], floors: Mapping[str, float]) -> None:
    """What was found at the left; floors and tokens, where there are some, at the right."""
    left, right = st.columns(2, gap="medium")
    with left:
        text_table(("Data", "found"), fact_rows(facts))
    with right:
        _floors_and_tokens(facts, floors)


def _floors_and_tokens(facts: Mapping[str, Any], floors: Mapping[str, float]) -> None:
    if floors:
        unit = facts.get("loss_unit", "")
        st.caption(f"Floors: losses that need no network{f', in {unit}' if unit else ''}. A network has to get below.")
        rows = ((floor_title(name), f"{level:.4g}", floor_meaning(name)) for name, level in floors.items())
        text_table(("Floor", "loss ›", "what it stands for"), rows)
    if facts.get("token_table"):
        st.caption("The commonest tokens")
        with st.container(height=260, key="token_table"):
            text_table(("Token", "times ›", "share ›"), token_rows(facts))


def fact_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What `prepare` found, in words."""
    rows = []
    for name, value in facts.items():
        if name in TABLES:
            continue
        # Windows are counted before they are parted, or of the training side alone where that is all there is.
        title = "windows" if name == "n_windows" and "n_training_windows" in facts else run_words.fact_title(name)
        is_list = isinstance(value, list | tuple) and not name.endswith("shape")
        rows.append((title, ", ".join(map(run_words.fact_value, value)) if is_list else run_words.fact_value(value)))
    return rows


def token_rows(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Most frequent first, and the share of all the others together."""
    table, rest = facts["token_table"], facts.get("token_table_rest")
    total = facts.get("n_tokens") or sum(int(each["count"]) for each in table)
    rows = [
        (str(each["token"]), f"{int(each['count']):,}", f"{100 * int(each['count']) / total:.2g} %") for each in table
    ]
    return [*rows, ("all others", "", f"{100 * float(rest):.2g} %")] if rest else rows
