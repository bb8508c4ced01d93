"""What can be done with a run: pause, go on, stop, generate, rename, take away, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from pages.ui.errors import shown_errors
from pages.ui.navigation import page_link
from pages.ui.state import choose_id

if TYPE_CHECKING:
    from musicgen.runs.api import Run


def draw_controls(run: Run) -> None:
    """A row of buttons: those that the state allows."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if run.is_active:
            _active(run)
        else:
            _go_on(run)
        if run.can_generate:
            # A link, not a button: this part of the page looks again by itself (see `waiting`).
            with st.container(key="run_generate" if run.is_active else "run_generate_next", width="content"):
                page_link("generate", run=run.id)
        _more(run)


def _active(run: Run) -> None:
    # No `help` on these: it would put each button into the page twice (for pointers and for touch).
    is_running = run.state == "running"
    if is_running and st.button("Pause", key="run_pause", icon=":material/pause:", disabled=run.is_stopping):
        _act("pause", run.id, "Pausing: the present epoch is finished first.")
    if st.button("Cancel", key="run_cancel", icon=":material/stop:"):
        _act("cancel", run.id, "Stopping: what it has learned is kept.")


def _go_on(run: Run) -> None:
    """Resume at once where epochs are left, or ask for more where none are."""
    wanted, done = int(run.request.get("training", {}).get("epochs") or 0), len(run.history)
    if run.state != "succeeded" and done < wanted:
        if st.button("Resume", key="run_resume", icon=":material/play_arrow:"):
            _act("resume", run.id, "It goes on from its last epoch.")
        return
    with st.popover("Train longer", icon=":material/play_arrow:"):
        epochs = st.number_input(
            "Epochs in all", min_value=done + 1, value=max(done * 2, done + 1), key="run_epochs",
            help="It goes on from its last weights, not from the beginning.",
        )  # fmt: skip
        if st.button("Go on", key="run_resume", type="primary"):
            _act("resume", run.id, f"It goes on up to epoch {epochs}.", epochs=int(epochs))


def _more(run: Run) -> None:
    with st.popover("More", icon=":material/more_horiz:", key="run_more"):
        name = st.text_input("Name", value=run.name, key=f"run_name.{run.id}", max_chars=120)
        if st.button("Rename", key="run_rename", disabled=name.strip() in {"", run.name}):
            _act("rename_run", run.id, "", name=name)
        if not run.is_active:
            st.download_button(
                "Export", data=lambda: _exported(run.id), file_name=f"{run.id}.zip", mime="application/zip",
                key="run_export", on_click="ignore", icon=":material/download:",
                help="Settings, history and weights as one zip archive; another machine can import it.",
            )  # fmt: skip
            st.caption("Deleting takes its weights, its log and everything it made.")
            if st.button("Delete for good", key="run_delete", icon=":material/delete:"):
                _act("delete_run", run.id, "")
                choose_id("run", None)
                st.rerun()


def _exported(run_id: str) -> BinaryIO:
    from musicgen.runs.api import export_run

    return open(export_run(run_id), "rb")


def _act(action: str, run_id: str, said: str, *, name: str | None = None, epochs: int | None = None) -> None:
    """Ask for it, say so, and draw the page anew."""
    from musicgen.runs import api

    with shown_errors():
        if action == "rename_run":
            api.rename_run(run_id, name or "")
        elif action == "resume":
            api.resume(run_id, epochs=epochs)
        else:
            getattr(api, action)(run_id)
        if said:
            st.toast(said)
        if action != "delete_run":
            st.rerun()
