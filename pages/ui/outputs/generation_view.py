"""Generation in progress: progress, time left, cancel; and what went wrong with the last one started here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import run_words
from pages.ui.errors import shown_errors
from pages.ui.outputs.draft_view import draw_draft, forget_draft
from pages.ui.state import recall, remember
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.runs.api import Task

LIVE_SECONDS = 0.7


def watch(task_id: str) -> None:
    """Remember what was started last, so that the page can report how it ended."""
    remember("generating", task_id)


def draw_generation(run_id: str) -> bool:
    """Draw the tasks that generate from this run; return whether there are any. The page is redrawn when one ends."""
    tasks = _active(run_id)
    if tasks:
        st.fragment(_live, run_every=LIVE_SECONDS)(run_id, _marks(tasks))
    else:
        forget_draft()
    if task_id := recall("generating"):
        _ended(run_id, task_id)
    return bool(tasks)


def _active(run_id: str) -> Sequence[Task]:
    from musicgen.runs.api import list_tasks

    return list_tasks(run_id=run_id, kind="generate", active_only=True)


def _marks(tasks: Sequence[Task]) -> set[tuple[str, int]]:
    """If these change, the page is redrawn: a task has started or ended, or a piece is finished."""
    return {(task.id, int(task.progress.get("made") or 0)) for task in tasks}


def _live(run_id: str, before: set[tuple[str, int]]) -> None:
    with shown_errors():
        tasks = _active(run_id)
        if _marks(tasks) != before:
            st.rerun()
        for number, task in enumerate(tasks):
            _progress(task, key="generate_cancel" if number == 0 else f"generate_cancel.{task.id}")
        if running := next((task for task in tasks if task.state == "running"), None):
            draw_draft(running)


def _progress(task: Any, key: str) -> None:
    from musicgen.runs.api import cancel, count_ahead

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if task.state == "queued":
            words = run_words.queue_words(count_ahead(task.id))
        else:
            words = run_words.progress_words(task.state, task.progress) or "loading the network"
        st.progress(run_words.progress_share(task.state, task.progress), text=words)
        if st.button("Cancel", key=key, icon=":material/stop:"):
            cancel(task.id)
            st.toast("Stopping. Finished pieces are kept.")


def _ended(run_id: str, task_id: str) -> None:
    from musicgen.errors import NotFound
    from musicgen.runs.api import get_task

    try:
        task = get_task(task_id)
    except NotFound:  # deleted with its run
        return
    if task.run_id != run_id or task.is_active:
        return
    if task.state == "failed":
        advice = "" if task.advice == task.reason else task.advice
        st.error(escape(f"{task.reason} {advice}".strip()), icon=":material/error:")
    elif task.state == "cancelled":
        st.info(escape(task.reason or "Cancelled. Pieces finished before are shown below."), icon=":material/info:")
