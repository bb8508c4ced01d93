"""The list of runs beside the chosen one: searched in the database, shown a page at a time, opened with one click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.approaches import approaches
from musicgen.errors import NotFound
from musicgen.evaluation.curves import row_loss
from pages.ui import run_words
from pages.ui.layout import STATES
from pages.ui.state import choose_id, chosen_id
from pages.ui.text import ago, escape, shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Run

PER_PAGE = 8
LIVE_SECONDS = 2.0
# A row is a container covered by an invisible button that can be focused. No text from users may go in here.
STYLE = """<style>
[class*="st-key-run_row"] { position: relative; padding: .45rem .7rem; border-radius: .5rem;
  border-left: 3px solid transparent; }
[class*="st-key-run_row"]:hover { background: rgba(128, 128, 140, .12); }
[class*="st-key-run_row"]:focus-within { outline: 2px solid #7566ee; }
[class*="st-key-run_row_chosen"] { background: rgba(117, 102, 238, .12); border-left-color: #7566ee; }
[class*="st-key-run_row"] [class*="st-key-run_open"] { position: absolute; inset: 0; }
[class*="st-key-run_row"] [class*="st-key-run_open"] :is(div, button) { width: 100%; height: 100%; }
[class*="st-key-run_row"] [class*="st-key-run_open"] button { opacity: 0; min-height: 0; }
[class*="st-key-run_generate_next"] a { background: #5b4bdb; border-radius: .5rem; padding: .3rem .8rem; }
[class*="st-key-run_generate_next"] a :is(p, span) { color: #fff; }
</style>"""


def choose_run() -> str | None:
    """Draw the search and the list; return the id of the run to show: the linked one, else the newest active one, else
    the newest."""
    from musicgen.runs.api import list_runs

    search = st.text_input(
        "Search runs", key="run_search", icon=":material/search:", placeholder="Part of a name",
        label_visibility="collapsed",
    )  # fmt: skip
    shown = PER_PAGE * (1 + int(st.session_state.get("run_pages", 0)))
    runs = list_runs(search=search, limit=shown + 1)
    chosen = _remembered() or _first(runs)
    if chosen and st.query_params.get("run") != chosen:
        choose_id("run", chosen)
    st.html(STYLE)
    is_live = any(run.is_active for run in runs)
    st.fragment(_rows, run_every=LIVE_SECONDS if is_live else None)(search, shown, chosen, is_live)
    return chosen


def _remembered() -> str | None:
    """The run in the address, whether it exists or not; else the one opened last, if it still exists."""
    from musicgen.runs.api import get_run

    chosen = chosen_id("run")
    if chosen is None or st.query_params.get("run") == chosen:
        return chosen
    try:
        return get_run(chosen).id
    except NotFound:  # deleted in the meantime
        return None


def _first(runs: list[Run]) -> str | None:
    active = [run for run in runs if run.is_active]
    return next((run.id for run in [*active, *runs]), None)


def _rows(search: str, shown: int, chosen: str | None, was_live: bool) -> None:
    from musicgen.runs.api import list_runs

    runs = list_runs(search=search, limit=shown + 1)
    if was_live and not any(run.is_active for run in runs):
        st.rerun()  # this ends the repeated reruns
    with st.container(key="run_list", gap=None):
        for run in runs[:shown]:
            _row(run, is_chosen=run.id == chosen)
        if not runs:
            st.caption("No run with this name.")
    if len(runs) > shown and st.button("Show more", key="run_show_more", type="tertiary"):
        st.session_state["run_pages"] = shown // PER_PAGE
        st.rerun()


def _row(run: Run, *, is_chosen: bool) -> None:
    with st.container(key=f"run_row{'_chosen' if is_chosen else ''}_{run.id}", gap=None):
        st.text(shorten(run.name, 40))
        title, icon, colour = STATES[run.state]
        # Not a caption: its colours would be faint.
        st.markdown(f":small[:{colour}[{icon} {title}] :gray[· {escape(row_words(run))}]]")
        if st.button(f"Open {run.id}", key=f"run_open.{run.id}", width="stretch"):
            choose_id("run", run.id)
            st.rerun()


def row_words(run: Run) -> str:
    """`Note LSTM · epoch 3 of 10 · 5 min ago`."""
    known = approaches().get(run.approach)
    parts = [known.title if known else run.approach]
    best = run_words.best_row(run.history, run.best_epoch)
    if run.is_active and run.progress.get("epoch"):
        parts.append(f"epoch {run.progress['epoch']} of {run.progress.get('epochs', '?')}")
    elif best and (loss := row_loss(best)) is not None:
        parts.append(f"loss {loss:.3g}")
    return " · ".join([*parts, ago(run.created_at)])
