"""One click from an empty program to music: a sample is added, a network learns it and makes a piece, and the visitor
is taken to the comparison. The run goes on if the visitor leaves; only the trip to the comparison is given up."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.runs.expecting import expect_work
from pages.ui import run_words
from pages.ui.background import known, later
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place
from pages.ui.navigation import go_to, page_link
from pages.ui.state import forget, recall, remember
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.runs.api import Run

TOUR = "sample_tour"  # in the session: the key of the work that adds the songs and starts the run
LOOK_SECONDS = 0.5
STAGES = 3  # songs, training, piece


@dataclass(frozen=True)
class Stage:
    """Where the sample run stands. `output`: the finished piece; `run`: a run that ended without one."""

    words: str = ""
    share: float = 0.0
    run: str = ""
    output: str = ""
    is_over: bool = False


def is_under_way() -> bool:
    """Whether this visitor's sample run was started and not yet followed to its end."""
    return known(recall(TOUR, "")) is not None


def draw_sample_button() -> None:
    """The button, or how far its run is; when the piece is there, the comparison opens."""
    try:
        stage, failed = read_stage(), None
    except MusicgenError as error:
        forget(TOUR)
        stage, failed = None, error
    if stage is not None and stage.output:
        forget(TOUR)
        go_to("compare", generated=stage.output)
    # The button stays while the run goes on: what a waiting page no longer draws would stay on it, greyed out.
    _draw_button(is_working=stage is not None and not stage.is_over)
    with kept_place():
        if failed is not None:
            show_error(failed)
        elif stage is not None and stage.is_over:
            _draw_failure(stage)
        elif stage is not None:
            st.fragment(_follow, parallel=True)(stage.run)


def _draw_button(*, is_working: bool) -> None:
    from musicgen.songs.samples import SAMPLES

    expect_work()  # a process gets ready while the page is read and the songs are added
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Try it with a sample", key="sample_run", icon=":material/play_circle:", disabled=is_working):
            _start()
        st.caption(f"{SAMPLES[0].title}: trains a small network, then plays you what it made beside the original.")


def _start() -> None:
    from musicgen.runs.sample_run import start_sample_run

    key = f"sample run {intent_key('sample_run', {})}"
    later(key, lambda: start_sample_run(submit_key=key))
    remember(TOUR, key)
    st.rerun()


def read_stage() -> Stage | None:
    """Where this visitor's sample run stands; None if there is none (or the server was started again)."""
    work = known(recall(TOUR, ""))
    if work is None:
        return None
    if not work.done():
        return Stage("Adding the sample songs")
    return _stage_of(work)


def _stage_of(work: Future[str]) -> Stage:
    from musicgen.runs.api import get_run, list_outputs
    from musicgen.runs.following import task_after

    run = get_run(work.result())
    _render_original(run)
    if run.is_active:
        return Stage(_training_words(run), (1 + run_words.progress_share(run.state, run.progress)) / STAGES, run.id)
    task = task_after(run.id)
    made = list_outputs(task_id=task.id, limit=1) if task is not None else []
    # It can be heard before it is checked. Where it has no sound yet, the comparison renders it.
    if task is not None and task.is_active and not (made and made[0].clip.has_audio):
        words = run_words.progress_words(task.state, task.progress) or "loading the network"
        return Stage(
            f"Making a piece: {words}", (2 + run_words.progress_share(task.state, task.progress)) / STAGES, run.id
        )
    return Stage(run=run.id, output=made[0].id if made else "", is_over=True)


def _render_original(run: Run) -> None:
    """Make the sound of the song that the comparison will open with, while the network learns."""
    from musicgen.clips import ensure_audio
    from musicgen.runs.sample_run import original_of

    with suppress(MusicgenError):  # its files are gone: the comparison says so
        song = original_of(run)
        if song is not None and not song.clip.has_audio:
            later(f"sound of {song.id} for the sample run", lambda: ensure_audio(song.clip))


def _training_words(run: Run) -> str:
    return f"Training: {run_words.progress_words(run.state, run.progress) or 'waiting for its turn'}"


def _follow(run_id: str) -> None:
    """Draw the progress until the songs are added or the run has ended, then draw the page again with what is new."""
    bar = st.progress(0.0)
    if run_id:
        page_link("runs", "Watch it learn", run=run_id)
    while (stage := _look()) is not None and not stage.is_over and stage.run == run_id:
        bar.progress(stage.share, text=escape(f"{stage.words} …"))
        time.sleep(LOOK_SECONDS)
    st.rerun()


def _look() -> Stage | None:
    try:
        return read_stage()
    except MusicgenError:  # the page that is drawn next shows it
        return None


def _draw_failure(stage: Stage) -> None:
    """The sample run ended without a piece: it failed or was stopped."""
    st.warning("The sample run ended without a piece.", icon=":material/warning:")
    with st.container(horizontal=True):
        page_link("runs", "Open the run", run=stage.run)
        st.button("Try again", key="sample_run_again", type="tertiary", on_click=forget, args=(TOUR,))
