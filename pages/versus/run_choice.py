"""Choosing runs to compare: those in the address, otherwise the newest ones that have learned something."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import NotFound
from musicgen.storage.database import ID_PATTERN
from pages.ui.layout import kept_place
from pages.ui.linked import distinct_labels
from pages.ui.search_field import SHOWN, search_field
from pages.ui.text import ago, shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Run

MAX_RUNS = 6
KEY = "versus_runs"


def choose_runs() -> list[Run]:
    """The chosen runs, in the order of choice; their ids are in the address."""
    from musicgen.runs.api import count_runs, list_runs

    with kept_place():
        search = search_field(count_runs(), "runs", key="versus_search")
    asked = _asked()
    known = {run.id: run for run in [*_read(asked), *list_runs(search=search, limit=SHOWN)]}
    labels = distinct_labels({run.id: f"{shorten(run.name)} · {ago(run.created_at)}" for run in known.values()})
    if KEY not in st.session_state:
        first = [run_id for run_id in asked if run_id in known]
        st.session_state[KEY] = first or [run.id for run in known.values() if run.history][:2]
    st.session_state[KEY] = [run_id for run_id in st.session_state[KEY] if run_id in known]
    chosen = st.multiselect(
        "Runs", list(labels), format_func=lambda run_id: labels.get(run_id, run_id), key=KEY, max_selections=MAX_RUNS,
        help=f"Up to {MAX_RUNS} runs. Their curves and pieces are shown together.",
    )  # fmt: skip
    st.query_params["runs"] = ",".join(chosen)
    return [known[run_id] for run_id in chosen]


def _asked() -> list[str]:
    """Ids in the address and in the widget; those that are no ids are ignored."""
    linked = st.query_params.get("runs", "").split(",")
    ids = [*linked, *st.session_state.get(KEY, ())]
    return [each for each in dict.fromkeys(ids) if each.startswith("run-") and ID_PATTERN.match(each)]


def _read(ids: list[str]) -> list[Run]:
    from musicgen.runs.api import get_run

    found = []
    for run_id in ids:
        with suppress(NotFound):  # deleted in the meantime
            found.append(get_run(run_id))
    return found
