"""Choosing a trained network: the newest runs that have weights, with a search if there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.approaches import approaches
from musicgen.errors import NotFound
from musicgen.evaluation.curves import row_loss
from pages.ui import run_words
from pages.ui.layout import empty_place, kept_place
from pages.ui.linked import distinct_labels, linked_select
from pages.ui.search_field import search_field
from pages.ui.state import recall, remember
from pages.ui.text import ago, shorten
from pages.ui.unknown_links import is_there

if TYPE_CHECKING:
    from musicgen.runs.api import Run

SHOWN = 100


def choose_network() -> Run | None:
    """The linked run, else the one opened last, else the newest that has weights."""
    from musicgen.runs.api import count_runs, list_runs

    with kept_place():
        search = search_field(count_runs(), "runs", key="generate_run_search", shown=SHOWN)
    notice = kept_place()
    found = [run for run in list_runs(search=search, limit=SHOWN) if run.can_generate]
    found = found or [run for run in list_runs() if run.can_generate][:SHOWN]
    if not found:
        _nothing_yet()
        return None
    known = {run.id for run in found}
    asked = (st.query_params.get("run"), st.session_state.get("generate_run"), recall("run"))
    more = _with_weights(str(each) for each in dict.fromkeys(asked) if each and each not in known)
    runs = {run.id: run for run in [*more, *found]}
    if (linked := st.query_params.get("run")) and linked not in runs and is_there("run", linked):
        notice.info("The linked run has no weights to generate from. Another run is shown instead.")
    looked_at = recall("run")
    labels = distinct_labels({run.id: run_label(run) for run in runs.values()})
    default = looked_at if looked_at in runs else found[0].id
    run_id = linked_select("Trained network", labels, key="generate_run", param="run", default=default)
    remember("run", run_id)
    return runs[run_id]


def _nothing_yet() -> None:
    from musicgen.runs.api import count_active

    is_training = bool(count_active("train"))
    text = "You can generate once the first epoch is finished." if is_training else "Train a network first."
    page, label = ("runs", "Watch it learn") if is_training else ("train", "Train a network")
    empty_place(":material/auto_awesome:", "No trained network yet", text, page=page, label=label)


def _with_weights(ids: Iterable[str]) -> Iterator[Run]:
    from musicgen.runs.api import get_run

    for run_id in ids:
        with suppress(NotFound):  # deleted in the meantime, or a mistyped link
            run = get_run(run_id)
            if run.can_generate:
                yield run


def run_label(run: Run) -> str:
    """Name, approach, loss, age."""
    known = approaches()
    best = run_words.best_row(run.history, run.best_epoch)
    loss = row_loss(best) if best else None
    title = known[run.approach].title if run.approach in known else run.approach
    parts = [shorten(run.name), title, f"loss {loss:.3g}" if loss is not None else "", ago(run.created_at)]
    return " · ".join(filter(None, parts))
