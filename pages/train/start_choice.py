"""Choosing a run whose weights a training starts from."""

from __future__ import annotations

import streamlit as st

from musicgen.contract.approach import Approach
from pages.ui.linked import distinct_labels
from pages.ui.text import shorten

SHOWN = 100
ANEW = "Nothing: new weights"


def choose_start(chosen: Approach) -> str:
    """The id of a run of this approach that has weights; "" for none."""
    from musicgen.runs.api import list_runs

    runs = [run for run in list_runs(limit=SHOWN) if run.approach == chosen.key and run.can_generate]
    labels = {"": ANEW, **distinct_labels({run.id: shorten(run.name) for run in runs})}
    if st.session_state.get("train_from") not in labels:
        st.session_state["train_from"] = ""
    return st.selectbox(
        "Start from", list(labels), key="train_from", persist_state="session",
        format_func=lambda run_id: labels.get(run_id, run_id),
        help="The weights of an earlier run, so that little music is not all that the network knows. What the songs "
        "have in common with those of that run is carried over; everything else is new.",
    )  # fmt: skip
