"""An audio song heard as notes: start it and watch it, hear sound and notes on one clock, leave out the faint notes,
add them as a MIDI song."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import Cancelled, MusicgenError
from musicgen.hearing import USUAL_CONFIDENCE
from musicgen.wording import span
from pages.songs.hearings import Hearing, find_hearing, forget_hearing, start_hearing
from pages.songs.results import wait_for_result
from pages.ui.background import forget, is_settled, later
from pages.ui.commands import command_line, show_command
from pages.ui.errors import show_error, shown_errors
from pages.ui.layout import facts_row, kept_place, section_heading
from pages.ui.navigation import PLACES, go_to, page_link
from pages.ui.player import PlayerLane
from pages.ui.state import recall, remember
from pages.ui.training_songs import take_songs
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.hearing.heard import Heard
    from musicgen.songs.library import Song

LEAST, MOST, STEP = 5, 95, 5  # percent of confidence


def draw_heard(song: Song) -> list[PlayerLane]:
    """The section below the player of a song. Returns the lane of its notes, once there is one."""
    from musicgen.hearing.heard import read_heard

    section_heading("Heard as notes")
    lanes: list[PlayerLane] = []
    # What is over goes at once: while the page waits, Streamlit would leave it there, greyed.
    offer, progress = st.empty(), st.empty()
    with kept_place(), shown_errors():
        heard = read_heard(song.clip)
        job = find_hearing(song.id)
        if heard is not None:
            forget_hearing(song.id)
            lanes = _draw_notes(song, heard)
        elif job is not None and not job.outcome.done():
            with progress.container():
                _draw_progress(job)
        else:
            with offer.container():
                _draw_offer(song, job)
    show_command(command_line("songs", "notes", song.id))
    return lanes


def _draw_offer(song: Song, job: Hearing | None) -> None:
    from musicgen.hearing.heard import estimate_seconds

    st.markdown(
        "A small network can write down the notes of this song, so that you can train the approaches that read MIDI on "
        "it. It hears pitches, not instruments: all notes go into one piano track, and drums only give the beat."
    )
    st.button("Hear the notes", key="song_hear", icon=":material/hearing:", on_click=_start, args=(song,))
    st.caption(f"About {span(estimate_seconds(song.seconds))} on two idle cores.")
    error = job.outcome.exception() if job is not None else None
    if isinstance(error, MusicgenError):
        show_error(error)
    elif isinstance(error, Cancelled):
        st.caption(str(error))
    elif error is not None:
        raise error


def _start(song: Song) -> None:
    forget_hearing(song.id)
    start_hearing(song)


def _draw_progress(job: Hearing) -> None:
    st.button("Stop", key="song_hear_stop", icon=":material/stop:", on_click=job.stopped.set)
    st.fragment(_watch, parallel=True)(job)


def _watch(job: Hearing) -> None:
    """A bar that moves until the work is done. A click on anything ends the watching, not the work."""
    bar = st.progress(0.0, text=job.words)
    while not is_settled(job.outcome):
        bar.progress(job.share, text=job.words)
    st.rerun()


def _draw_notes(song: Song, heard: Heard) -> list[PlayerLane]:
    percent = st.slider(
        "Leave out notes less certain than",
        *(LEAST, MOST, round(100 * USUAL_CONFIDENCE), STEP),
        format="%d%%",
        key=f"song_heard_least.{song.id}",
        help="To the left: more notes, and more wrong ones. To the right: fewer notes, and fewer wrong ones.",
    )
    least = percent / 100
    num_kept = heard.notes.above(least).num_notes
    _draw_facts(heard, num_kept)
    if not num_kept:
        st.caption("No note is that certain. Move the slider to the left.")
        return []
    _draw_adding(song, least)
    return _lane(song, least)


def _draw_facts(heard: Heard, num_kept: int) -> None:
    grid = heard.grid
    tempo = f"{grid.tempo:.0f} BPM" + ("" if grid.is_steady else ", it varies")
    left_out = heard.notes.num_notes - num_kept
    facts_row(
        [
            ("Notes", f"{num_kept:,} of {heard.notes.num_notes:,}" if left_out else f"{num_kept:,}"),
            ("Tempo (estimate)", tempo if grid.is_found else "no beat found; written at 120 BPM"),
            ("Time (estimate)", f"{grid.metre}/4"),
        ]
    )


def _lane(song: Song, least: float) -> list[PlayerLane]:
    """The notes as a lane; the page is drawn again when they have been written."""
    from musicgen.hearing.heard import draft

    key = f"heard|{song.id}|{least}"
    future: Future[Any] = later(key, lambda: draft(song, least), group=f"heard|{song.id}")
    waiting = kept_place()
    if not is_settled(future):
        with waiting:
            wait_for([future], "Writing the notes", st.rerun)
        return []
    if future.exception() is not None:
        forget(key)
    return [PlayerLane(future.result().folder.name, future.result(), title="Heard notes", role="generated")]


def _draw_adding(song: Song, least: float) -> None:
    """The button that makes the notes a song, and the way to it afterwards."""
    name = f"heard_as.{song.id}.{least}"
    if st.button("Add as a MIDI song", key="song_heard_add", icon=":material/add:", type="primary"):
        remember(name, _added(song, least))
    with kept_place():
        added = recall(name)
        if added:
            with st.container(horizontal=True, vertical_alignment="center"):
                page_link("songs", "Open the new song", icon=":material/arrow_forward:", song=added)
                if st.button("Train on it", key="song_heard_train", icon=PLACES["train"].icon, type="tertiary"):
                    take_songs([added])
                    go_to("train", song=added)


def _added(song: Song, least: float) -> str:
    """The id of the new song, or of the same one if it was added before."""
    from musicgen.errors import RejectedFile
    from musicgen.hearing.heard import add_heard

    key = f"heard_add|{song.id}|{least}"
    report = wait_for_result(key, partial(add_heard, song, least), "Adding the notes")
    forget(key)
    if report.rejected:
        raise RejectedFile(report.rejected[0].reason, code=report.rejected[0].code)
    return str(report.song_ids[0])
