"""See what has been done so far, and take the next step."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.home.first_steps import STEPS, Progress, read_progress
from pages.home.sample_run import draw_sample_button, is_under_way
from pages.ui.errors import shown_errors
from pages.ui.layout import medium_badge, section_heading, state_badge
from pages.ui.navigation import PLACES, go_to, page_link
from pages.ui.text import ago, clock, escape, shorten


def draw_hero(progress: Progress) -> None:
    """What this program is for, and one button for the next step."""
    st.title("Hear a network learn your music", anchor=False)
    st.markdown(
        "Add your own songs or MIDI files, choose an approach, and train it on this machine in a few clicks. "
        "Then listen to the original and to what the network made, side by side."
    )
    page, label = progress.next_step
    if st.button(label, type="primary", icon=":material/arrow_forward:", key="next_step"):
        go_to(page)
    if not progress.n_outputs or is_under_way():
        draw_sample_button()
    page_link("lessons", "New to networks? Five short lessons")


def draw_steps(progress: Progress) -> None:
    """Bring music, train, listen: each with what there is so far."""
    with st.grid(3, min_column_width=240, border=True, key="steps") as grid:
        for number, step in enumerate(STEPS, 1):
            with grid.cell(), st.container(gap="xsmall"):
                colour = "violet" if progress.next_step[0] in step.pages else "gray"
                st.markdown(f"## :{colour}[{step.icon}] {number}. {step.title}")
                st.caption(step.summary)
                st.markdown(f"**{progress.counts[step.name]}**")
                with st.container(horizontal=True, gap="small"):
                    for page in step.pages:
                        if st.button(PLACES[page].title, key=f"step_{page}", icon=PLACES[page].icon, type="tertiary"):
                            go_to(page)


def draw_recent(progress: Progress) -> None:
    """The latest runs and outputs."""
    left, right = st.columns(2, gap="medium")
    with left:
        section_heading("Recent runs")
        with st.container(border=True, gap="xsmall", key="recent_runs"):
            for run in progress.runs:
                with recent_row("runs", run.name, run=run.id):
                    state_badge(run.state)
                    st.caption(ago(run.created_at), width="content")
            if not progress.runs:
                st.caption("None yet. A run is one training: its settings, its curves, its weights and its log.")
    with right:
        section_heading("Recent outputs")
        with st.container(border=True, gap="xsmall", key="recent_outputs"):
            for output in progress.outputs:
                with recent_row("compare", output.name, output=output.id):
                    medium_badge(output.medium)
                    st.caption(f"{clock(output.seconds)} · {ago(output.created_at)}", width="content")
            if not progress.outputs:
                st.caption("None yet. What a trained network makes appears here, ready to compare with the original.")


@contextmanager
def recent_row(page: str, name: str, **query: str) -> Iterator[None]:
    """A link on the left; what the block draws goes on the right."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"):
        page_link(page, escape(shorten(name, 30)), **query)
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            yield


with shown_errors():
    progress = read_progress()
    draw_hero(progress)
    st.space("small")
    draw_steps(progress)
    st.space("small")
    draw_recent(progress)
