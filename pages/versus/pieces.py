"""Pieces of several runs with the same seed, prompt and settings, as lanes of one player."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.comparison.runs import Making, made_alike
from musicgen.errors import MusicgenError
from pages.ui.charts.colours import RUNS
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place, section_heading
from pages.ui.player import PlayerLane, draw_player
from pages.ui.text import escape, shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Output, Run, Task

READ = 60  # the newest outputs of each run
LIVE_SECONDS = 1.0


def draw_pieces(runs: Sequence[Run]) -> None:
    """The lanes, and a button that makes what is missing for them."""
    section_heading("Pieces from the same seed")
    able = [run for run in runs if run.can_generate]
    if len(able) < 2:
        st.caption("This needs two runs that have finished an epoch.")
        return
    outputs = _outputs(able)
    shared = made_alike(outputs)
    with kept_place():
        if shared:
            _draw_lanes(able, shared)
        else:
            st.caption("These runs have no pieces with the same seed, prompt and settings yet.")
    with kept_place():
        _draw_making(able, outputs)


def _outputs(runs: Sequence[Run]) -> dict[str, list[Output]]:
    from musicgen.runs.api import list_outputs

    return {run.id: list_outputs(run_id=run.id, limit=READ) for run in runs}


def _draw_lanes(runs: Sequence[Run], shared: Sequence[tuple[Making, Mapping[str, Output]]]) -> None:
    number = 0
    if len(shared) > 1:
        number = st.selectbox(
            "Seed and settings", range(len(shared)), key="versus_making",
            format_func=lambda index: making_words(shared[index][0], len(shared[index][1])),
        )  # fmt: skip
    pieces = shared[number][1]
    lanes = [
        PlayerLane(pieces[run.id].id, pieces[run.id].clip, title=shorten(run.name, 60), colour=RUNS[place])
        for place, run in enumerate(runs)
        if run.id in pieces
    ]
    draw_player(lanes, key="versus_player")


def making_words(how: Making, n_runs: int) -> str:
    """`seed 3 · temperature 0.9 · 2 runs`."""
    named = [f"{name.replace('_', ' ')} {value}" for name, value in how.generation if name == "temperature"]
    prompt = ["from a song"] if how.prompt else []
    return " · ".join([f"seed {how.seed}", *named, *prompt, f"{n_runs} runs"])


def _draw_making(runs: Sequence[Run], outputs: Mapping[str, Sequence[Output]]) -> None:
    """The button, or the tasks that are at work for it."""
    from musicgen.runs.api import list_tasks

    active = [task for run in runs for task in list_tasks(run_id=run.id, kind="generate", active_only=True)]
    if active:
        st.fragment(_wait, run_every=LIVE_SECONDS)([run.id for run in runs])
        return
    used = [int(output.sidecar.get("seed") or 0) for made in outputs.values() for output in made]
    seed = max(used, default=-1) + 1
    if st.button(f"Make a piece with each, seed {seed}", key="versus_make", icon=":material/auto_awesome:"):
        _make(runs, seed)


def _wait(run_ids: Sequence[str]) -> None:
    from musicgen.runs.api import list_tasks

    active = [task for run_id in run_ids for task in list_tasks(run_id=run_id, kind="generate", active_only=True)]
    if not active:
        st.rerun()
    st.caption(f":material/hourglass_top: {escape(_at_work(active))}")


def _at_work(active: Sequence[Task]) -> str:
    left = len(active)
    return "Making the last piece …" if left == 1 else f"Making pieces: {left} to go …"


def _make(runs: Sequence[Run], seed: int) -> None:
    from musicgen.runs.api import submit_generation

    try:
        for run in runs:
            submit_generation(run.id, seed=seed, submit_key=intent_key(f"versus {run.id}", seed))
    except MusicgenError as error:
        show_error(error)
        return
    st.rerun()
