"""A search above a list that would be too long: a select box of thousands is slow to send, to draw and to read."""

from __future__ import annotations

import streamlit as st

SHOWN = 200  # choices sent to the browser at once; the search reaches the rest


def search_field(total: int, what: str, *, key: str, shown: int = SHOWN) -> str:
    """What the visitor looks for among `total` things; nothing, and no field, where a list of `shown` has them all."""
    if total <= shown:
        return ""
    return st.text_input(
        f"Search in {total:,} {what}", key=key, icon=":material/search:", persist_state="session"
    ).strip()
