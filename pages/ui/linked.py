"""A choice that is part of the address: a link opens the page with it, and choosing changes the link."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.ui.state import recall, remember


def linked_select(label: str, labels: Mapping[str, str], *, key: str, param: str, default: str) -> str:
    """A selectbox of ids whose value is `?param=` of the address.

    A link that is new wins over the widget; a choice in the widget is written to the address. What was chosen last
    on this visit, then `default`, stand in where the address names nothing that can be chosen.
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


def unlike(labels: Mapping[str, str]) -> dict[str, str]:
    """The same labels, equal ones told apart by the end of their id: widgets tell options apart by their text."""
    seen: set[str] = set()
    told: dict[str, str] = {}
    for name, text in labels.items():
        told[name] = f"{text} · {name[-4:]}" if text in seen else text
        seen.add(told[name])
    return told
