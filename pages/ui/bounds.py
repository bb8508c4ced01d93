"""Numbers and their bounds. The fields themselves have none: a browser keeps a number outside them to itself, and what
is started would use the number of before. So every number arrives, and what is wrong with it is said here."""

from __future__ import annotations

import streamlit as st


def number_refused(
    label: str, low: float | None, high: float | None, value: float | None, optional: bool = False
) -> str:
    """What is wrong with a number, in a sentence; empty if nothing is."""
    if value is None:
        return "" if optional else f"{label} needs a number: {allowed(low, high)}."
    if (low is None or value >= low) and (high is None or value <= high):
        return ""
    return f"{label} must be {allowed(low, high)}. Received: {value:,}."


def allowed(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low:,} and {high:,}"
    if low is not None:
        return f"{low:,} or more"
    return "any number" if high is None else f"{high:,} or less"


def whole_number(label: str, *, key: str, first: int, help: str | None = None) -> int | None:
    """A field for a number of the page itself, such as the seed. It has no bounds either."""
    st.session_state.setdefault(key, first)
    value = st.number_input(label, value=None, step=1, key=key, persist_state="session", help=help)
    return None if value is None else int(value)
