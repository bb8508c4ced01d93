"""The actions on a run: pause, resume, cancel, generate, rename, state rights, export, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from pages.ui.errors import shown_errors
from pages.ui.layout import kept_place
from pages.ui.navigation import page_link
from pages.ui.state import choose_id

if TYPE_CHECKING:
    from musicgen.runs.api import Run


def draw_controls(run: Run) -> None:
    """A row with the buttons that the state of the run allows."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        actions, onward = kept_place("content"), kept_place("content")
        with actions, st.container(horizontal=True, gap="xsmall", width="content"):
            if run.is_active:
                _active(run)
            else:
                _continue(run)
        if run.can_generate:
            # A link, not a button: this part of the page refreshes itself (see `waiting`).
            with onward, st.container(key="run_generate" if run.is_active else "run_generate_next", width="content"):
                page_link("generate", run=run.id)
        _more(run)


def _active(run: Run) -> None:
    # No `help` on these: Streamlit would put each button on the page twice (for mouse and for touch).
    is_running = run.state == "running"
    if is_running and st.button("Pause", key="run_pause", icon=":material/pause:", disabled=run.is_stopping):
        _act("pause", run.id, "Pausing at the end of this epoch.")
    if st.button("Cancel", key="run_cancel", icon=":material/stop:"):
        _act("cancel", run.id, "Stopping. What it has learned so far is kept.")


def _continue(run: Run) -> None:
    """Resume if epochs are left, otherwise ask how many more to train."""
    wanted, done = int((run.request.get("training") or {}).get("epochs") or 0), len(run.history)
    if run.state != "succeeded" and done < wanted:
        if st.button("Resume", key="run_resume", icon=":material/play_arrow:"):
            _act("resume", run.id, "Training continues after its last epoch.")
        return
    with st.popover("Train longer", icon=":material/play_arrow:"):
        epochs = st.number_input(
            "Total epochs", value=max(done * 2, done + 1), key="run_epochs",
            help="Training continues from the last weights; it does not start again.",
        )  # fmt: skip
        if st.button("Continue", key="run_resume", type="primary"):
            _act("resume", run.id, f"Training continues to epoch {epochs}.", epochs=int(epochs))


def _more(run: Run) -> None:
    with st.popover("More", icon=":material/more_horiz:", key="run_more"):
        name = st.text_input("Name", value=run.name, key=f"run_name.{run.id}", max_chars=120)
        if st.button("Rename", key="run_rename", disabled=name.strip() in {"", run.name}):
            _act("rename_run", run.id, "", name=name)
        rights = st.text_area(
            "Rights", value=run.rights, key=f"run_rights.{run.id}", max_chars=2000, height=90,
            placeholder="For example: my own songs; the music may be used freely",
            help="To its songs and its music, in your words. They are on its card, in its archive and in reports.",
        )  # fmt: skip
        if st.button("Save the rights", key="run_rights_save", disabled=rights.strip() == run.rights):
            _act("state_rights", run.id, "", name=rights)
        if not run.is_active:
            st.download_button(
                "Export", data=lambda: _exported(run.id), file_name=f"{run.id}.zip", mime="application/zip",
                key="run_export", on_click="ignore", icon=":material/download:",
                help="Settings, history, weights, outputs, blind tests and card as one zip file, which can be imported "
                "on another machine.",
            )  # fmt: skip
            st.caption("This also deletes its weights, its log and all its outputs.")
            if st.button("Delete permanently", key="run_delete", icon=":material/delete:"):
                _act("delete_run", run.id, "")
                choose_id("run", None)
                st.rerun()


def _exported(run_id: str) -> BinaryIO:
    from musicgen.comparison.run_card import export_with_card

    return open(export_with_card(run_id), "rb")


def _act(action: str, run_id: str, message: str, *, name: str | None = None, epochs: int | None = None) -> None:
    """Do it, show the message, and draw the page again."""
    from musicgen.runs import api

    with shown_errors():
        if action == "rename_run":
            api.rename_run(run_id, name or "")
        elif action == "state_rights":
            api.state_rights(run_id, name or "")
        elif action == "resume":
            api.resume(run_id, epochs=epochs)
        else:
            getattr(api, action)(run_id)
        if message:
            st.toast(message)
        if action != "delete_run":
            st.rerun()
