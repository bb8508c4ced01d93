"""What a visitor chose, kept across page changes: ids and short words only, never music. What must outlive the visit
is in the database, not here."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from musicgen.storage.database import ID_PATTERN

PREFIX = "kept."
LATE_SECONDS = 2.0


def recall(name: str, default: Any = None) -> Any:
    """What `remember` stored under this name."""
    return st.session_state.get(PREFIX + name, default)


def remember(name: str, value: Any) -> None:
    """Keep an id, a number, a short text or a tuple of them for this visit."""
    st.session_state[PREFIX + name] = value


def forget(name: str) -> None:
    st.session_state.pop(PREFIX + name, None)


def chosen_id(kind: str) -> str | None:
    """The song, run or output that is open: `?song=song-3f9a…` in the address, otherwise the one chosen last."""
    linked = linked_id(kind)
    if linked:
        remember(kind, linked)
    return linked or recall(kind)


def linked_id(kind: str) -> str | None:
    """The one that the address names, if any."""
    _put_right(kind)
    asked = st.query_params.get(kind)
    return asked if asked and ID_PATTERN.match(asked) and asked.startswith(f"{kind}-") else None


def choose_id(kind: str, value: str | None) -> None:
    """Open another one (or none). The address changes too, so that a reload or a shared link opens it again."""
    remember(f"{kind}.asked", (value, st.query_params.get(kind), time.monotonic()))
    if value is None:
        forget(kind)
        st.query_params.pop(kind, None)
        return
    remember(kind, value)
    if st.query_params.get(kind) != value:
        st.query_params[kind] = value


def _put_right(kind: str) -> None:
    """A request that a slow browser sent just before it learned of a new address still has the old one, and would undo
    what was chosen."""
    value, before, at = recall(f"{kind}.asked", (None, None, 0.0))
    if value == before or st.query_params.get(kind) != before or time.monotonic() - at > LATE_SECONDS:
        return
    if value is None:
        st.query_params.pop(kind, None)
    else:
        st.query_params[kind] = value
