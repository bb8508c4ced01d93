"""A choice that is part of the address: a link opens the page with it, and a new choice changes the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.ui.state import recall, remember


def linked_select(label: str, labels: Mapping[str, str], *, key: str, param: str, default: str) -> str:
    """A selectbox of ids whose value is `?param=` of the address.

    A new link wins over the widget, and a choice in the widget is written to the address. If the address names nothing
    that can be chosen, the last choice of this visit is used, then `default`.
    """
    linked, known = st.query_params.get(param), recall(f"linked.{param}")
    if linked in labels and (linked != known or key not in st.session_state):
        st.session_state[key] = linked
    elif st.session_state.get(key) not in labels:
        st.session_state[key] = known if known in labels else default
    chosen = st.selectbox(label, list(labels), format_func=lambda name: labels.get(name, name), key=key)
    remember(f"linked.{param}", chosen)
    if linked != chosen:
        st.query_params[param] = chosen
    return chosen


def distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels, with the end of the id added to repeated ones: widgets distinguish options by their text."""
    seen: set[str] = set()
    distinct: dict[str, str] = {}
    for name, text in labels.items():
        distinct[name] = f"{text} · {name[-4:]}" if text in seen else text
        seen.add(distinct[name])
    return distinct
