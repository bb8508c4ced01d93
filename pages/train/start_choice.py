"""Choosing what a training starts from: nothing, the starter that comes with the program, or an earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.errors import MusicgenError
from pages.ui.linked import distinct_labels
from pages.ui.text import escape, shorten

if TYPE_CHECKING:
    from musicgen.starters.card import Starter

SHOWN = 100
ANEW = "Nothing: new weights"
STARTER = "Common practice (starter)"


def choose_start(chosen: Approach) -> str:
    """The id of a run of this approach that has weights, or COMMON_PRACTICE; "" for none."""
    from musicgen.runs.api import list_runs
    from musicgen.runs.starting import COMMON_PRACTICE

    starter, problem = _starter(chosen)
    runs = [run for run in list_runs(limit=SHOWN) if run.approach == chosen.key and run.can_generate]
    labels = {"": ANEW, **({COMMON_PRACTICE: STARTER} if starter else {})}
    labels |= distinct_labels({run.id: shorten(run.name) for run in runs})
    if st.session_state.get("train_from") not in labels:
        st.session_state["train_from"] = ""
    common = "“Common practice” stands for weights that come with the program. " if starter else ""
    start = st.selectbox(
        "Start from", list(labels), key="train_from", persist_state="session",
        format_func=lambda run_id: labels.get(run_id, run_id),
        help="The weights of an earlier run, so that little music is not all that the network knows. What the songs "
        f"have in common with those of that run is carried over; everything else is new. {common}",
    )  # fmt: skip
    if problem:
        st.caption(escape(problem))
    if starter and start == COMMON_PRACTICE:
        st.caption(escape(f"{starter.origin} {starter.gain}"))
    if start and chosen.start_rate != 1.0:
        st.caption(f"The learning rate is then {chosen.start_rate:g} times the one that is set, to keep what is known.")
    return start


def _starter(chosen: Approach) -> tuple[Starter | None, str]:
    """(the starter of this approach, or None; what is wrong with its file)"""
    from musicgen.starters.card import has_starter, read_starter, starter_path

    if not has_starter(chosen.key):
        return None, ""
    try:
        return read_starter(starter_path(chosen.key)), ""
    except MusicgenError as error:
        return None, str(error)
