"""Generating again with nothing changed makes the same: the page says so and offers the next seed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from musicgen.runs.api import Run

LOOKED_AT = 100  # outputs of the run, the newest ones
SEED = "generate_seed"


def draw_made_before(run: Run, asked: Mapping[str, Any]) -> None:
    """The notice and the button, if every piece that would be made is there, or is being made.

    Args:
        asked: generation, prompt (an id or None), checkpoint, seed and count, as the page would submit them.
    """
    made = set(seeds_made(run, asked))
    seeds = range(asked["seed"], asked["seed"] + asked["count"])
    if not made.issuperset(seeds):
        return
    following = next_seed(made, asked["seed"], asked["count"])
    what = "piece" if asked["count"] == 1 else "pieces"
    st.info(f"These settings with this seed would make the same {what} again.", icon=":material/content_copy:")
    st.button(
        f"Use the next seed, {following}", key="generate_next_seed", type="tertiary", on_click=_take, args=(following,)
    )


def next_seed(made: Collection[int], seed: int, count: int) -> int:
    """The next seed from which on no piece of `count` was made before."""
    while any(each in made for each in range(seed, seed + count)):
        seed += 1
    return seed


def seeds_made(run: Run, asked: Mapping[str, Any]) -> Iterator[int]:
    """Seeds that were used, or are being used, with the same settings, prompt and weights."""
    from musicgen.runs.api import list_outputs, list_tasks

    epoch = run.best_epoch if asked["checkpoint"] == "best" else len(run.history)
    for output in list_outputs(run_id=run.id, limit=LOOKED_AT):
        weights = output.sidecar.get("checkpoint") or {}
        is_same_network = weights.get("chosen") == asked["checkpoint"] and weights.get("epoch") in (None, epoch)
        if is_same_network and _is_same(output.sidecar, asked):
            yield int(output.sidecar["seed"])
    for task in list_tasks(run_id=run.id, kind="generate", active_only=True):
        if task.request.get("checkpoint") == asked["checkpoint"] and _is_same(task.request, asked):
            yield from (task.request.get("seeds") or ())


def _is_same(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    prompt = kept.get("prompt") or {}
    return kept.get("generation") == asked["generation"] and prompt.get("id") == asked["prompt"]


def _take(seed: int) -> None:
    st.session_state[SEED] = seed
