"""See what this machine has, what is missing and what to do about it."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future
from dataclasses import fields
from functools import partial

import psutil
import streamlit as st

from musicgen.doctor import Check, examine
from musicgen.runs.ready_list import ready_processes
from musicgen.settings import Settings, home, settings
from pages.ui.background import forget, later
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import facts_row, page_heading, section_heading
from pages.ui.tables import text_table
from pages.ui.text import escape, setting_words, size
from pages.ui.waiting import wait_for

SIGNS = {
    "ok": ":green[:material/check_circle:]",
    "warn": ":orange[:material/warning:]",
    "missing": ":red[:material/cancel:]",
}
HEAVY = ("tensorflow", "keras", "librosa", "music21", "numba", "ray")


def draw_check(check: Check) -> None:
    """One line: the sign, the name, what was found, and what to do if something is missing."""
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        st.markdown(SIGNS[check.status], width="content")
        with st.container(horizontal=True, gap=None, vertical_alignment="top"):
            st.text(check.name, width=180)
            with st.container(gap=None, width="stretch", key=f"check_found.{check.name}"):
                st.text(check.detail)
                if check.remedy:
                    st.caption(escape(check.remedy))


def draw_server() -> None:
    """The process that serves these pages. It stays small because other processes read and make the music."""
    section_heading("This server")
    loaded = [name for name in HEAVY if name in sys.modules]
    facts_row(
        [
            ("Memory", size(psutil.Process().memory_info().rss)),
            ("Process", os.getpid()),
            ("Heavy libraries loaded", ", ".join(loaded) or "none"),
            ("Storage", home()),
        ]
    )


def draw_ready() -> None:
    """Processes that wait for the next task with what it needs loaded."""
    section_heading("Kept ready")
    st.caption(
        "So that the next training, generation or plan starts at once. They end when nobody has worked here for a "
        "while, and when memory is short."
    )
    waiting = ready_processes()
    if not waiting:
        st.text("None at the moment." if settings().warm_minutes else "None: MUSICGEN_WARM_MINUTES is 0.")
        return
    rows = ((each.what, each.pid, "unknown" if each.memory is None else size(each.memory)) for each in waiting)
    text_table(("Kept ready for", "Process", "Memory"), rows)


def draw_settings() -> None:
    values = settings()
    rows = (
        (f"MUSICGEN_{field.name.upper()}", setting_words(getattr(values, field.name)), field.metadata["description"])
        for field in fields(Settings)
    )
    with st.expander("Settings in use", icon=":material/tune:"):
        st.caption("Each is an environment variable, read when it is needed.")
        text_table(("Variable", "Value", "Meaning"), rows)


def draw_checks() -> None:
    """Quick checks first. Those that start programs, load TensorFlow or read the whole database take seconds."""
    known = examine(at_once=True)
    for check in known:
        draw_check(check)
    asked = later(f"examine {home()}", examine)
    wait_for(
        [asked], "Checking the programs on this machine", partial(draw_rest, asked, {check.name for check in known})
    )


def draw_rest(asked: Future[list[Check]], known: set[str]) -> None:
    """The remaining checks; the next visit runs them again."""
    forget(f"examine {home()}")
    with shown_errors():
        for check in asked.result():
            if check.name not in known:
                draw_check(check)


page_heading("system", "What this machine has, what is missing, and how to fix it.")
with st.container(border=True, key="checks", gap="xsmall"):
    draw_checks()
draw_server()
draw_ready()
draw_settings()
show_command(command_line("doctor"))
