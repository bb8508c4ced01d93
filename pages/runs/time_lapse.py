"""How a run learned, to hear: one piece, made with the same seed from each kept checkpoint, on a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.runs.checkpoints import MAX_LAPSE
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.layout import section_heading
from pages.ui.outputs.generation_view import watch
from pages.ui.player import PlayerLane, Slider, draw_player

if TYPE_CHECKING:
    from musicgen.runs.api import Output, Run, Task

FEWEST = 2  # checkpoints


def draw_time_lapse(run_id: str) -> None:
    """The slider, if its pieces are made; the button that makes them, if there is more than one checkpoint."""
    from musicgen.runs.api import get_run

    run = get_run(run_id)
    task = newest_lapse(run_id)
    pieces = _pieces(task) if task is not None else []
    kept = min(sum(each["is_complete"] for each in run.checkpoints), MAX_LAPSE)
    if len(pieces) < FEWEST and kept < FEWEST:
        return
    section_heading("How it learned")
    if len(pieces) >= FEWEST:
        _draw_slider(pieces)
    is_stale = task is None or (not task.is_active and len(pieces) < kept)
    if not run.is_active and is_stale:
        st.caption(f"A piece with the same seed from {kept} kept checkpoints, from the first epochs to the last.")
        if st.button("Make the time-lapse", key="lapse_make", icon=":material/slow_motion_video:"):
            _make(run)


def newest_lapse(run_id: str) -> Task | None:
    """The newest generation of this run from all its checkpoints."""
    from musicgen.runs.api import list_tasks

    return next((task for task in list_tasks(run_id=run_id, kind="generate") if task.request.get("checkpoints")), None)


def _pieces(task: Task) -> list[Output]:
    """The first piece of each checkpoint, by epoch."""
    from musicgen.runs.api import list_outputs

    first: dict[int, Output] = {}
    for output in reversed(list_outputs(task_id=task.id)):
        first.setdefault(_epoch(output), output)
    return [first[epoch] for epoch in sorted(first)]


def _epoch(output: Output) -> int:
    return int((output.sidecar.get("checkpoint") or {}).get("epoch") or 0)


def _draw_slider(pieces: list[Output]) -> None:
    lanes = [PlayerLane(each.id, each.clip, title=f"After epoch {_epoch(each)}", role="generated") for each in pieces]
    stops = [(each.id, f"epoch {_epoch(each)}") for each in pieces]
    draw_player(lanes, key="lapse_player", slider=Slider("After epoch", stops))


def _make(run: Run) -> None:
    from musicgen.runs.api import submit_generation

    seed = int(run.request.get("seed") or 0)
    try:
        task_id = submit_generation(run.id, seed=seed, checkpoint="all", submit_key=intent_key("lapse", run.id))
    except MusicgenError as error:
        show_error(error)
        return
    watch(task_id)
    st.rerun()
