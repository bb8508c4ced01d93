"""A search field above a long list: a select box with thousands of entries is slow to send, to draw and to read."""

from __future__ import annotations

import streamlit as st

SHOWN = 200  # choices sent to the browser at once; the search reaches the rest


def search_field(total: int, what: str, *, key: str, shown: int = SHOWN) -> str:
    """What the visitor searches for. If the list shows all of the `total` things, there is no field and no search."""
    if total <= shown:
        return ""
    return st.text_input(
        f"Search in {total:,} {what}", key=key, icon=":material/search:", persist_state="session"
    ).strip()
