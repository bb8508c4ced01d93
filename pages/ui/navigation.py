"""All pages in one table. The menu, the links between pages and the cards of the home page read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import streamlit as st


@dataclass(frozen=True)
class Place:
    """A page: its file (relative to the entry point), its title and icon, and one line on what it is for."""

    file: str
    title: str
    icon: str
    summary: str


PLACES = {
    "home": Place("pages/overview/home.py", "Home", ":material/home:", "What there is so far, and what to do next."),
    "songs": Place(
        "pages/workflow/songs.py", "Songs", ":material/library_music:", "Add songs and MIDI files, and listen to them."
    ),
    "train": Place(
        "pages/workflow/train.py", "Train", ":material/school:", "Choose songs and an approach, then start."
    ),
    "runs": Place("pages/workflow/runs.py", "Runs", ":material/timeline:", "Watch a network learn."),
    "study": Place(
        "pages/workflow/study.py",
        "Good settings",
        ":material/manage_search:",
        "Searches that try many settings for your songs.",
    ),
    "generate": Place(
        "pages/workflow/generate.py", "Generate", ":material/auto_awesome:", "Make music with a trained network."
    ),
    "compare": Place(
        "pages/workflow/compare.py", "Compare", ":material/compare_arrows:", "Original and generated, side by side."
    ),
    "versus": Place(
        "pages/workflow/versus.py",
        "Compare runs",
        ":material/stacked_line_chart:",
        "Trainings side by side: settings, curves and pieces.",
    ),
    "blind": Place(
        "pages/workflow/blind.py",
        "Which one is real?",
        ":material/hearing:",
        "A blind test: can you tell generated music from the original?",
    ),
    "lessons": Place(
        "pages/overview/lessons.py", "Lessons", ":material/menu_book:", "Predict, run, listen, and read why."
    ),
    "approaches": Place(
        "pages/overview/approaches.py", "Approaches", ":material/account_tree:", "The networks and what they read."
    ),
    "system": Place(
        "pages/overview/system.py", "System", ":material/memory:", "What this machine has, and what is missing."
    ),
}
SECTIONS = {
    "": ("home",),
    "Workflow": ("songs", "train", "runs", "generate", "compare", "versus", "study", "blind"),
    "Learn": ("lessons", "approaches"),
    "About": ("system",),
}


def menu() -> dict[str, list[st.Page]]:
    """The pages for `st.navigation`: home at the root, the others at /<name>."""
    return {section: [_page(name, PLACES[name]) for name in names] for section, names in SECTIONS.items()}


def _page(name: str, place: Place) -> st.Page:
    return st.Page(
        place.file, title=place.title, icon=place.icon, url_path=name, default=name == "home", help=place.summary
    )


def page_link(name: str, label: str = "", *, icon: str = "", width: Any = "content", **query: str) -> None:
    """A link to a page; `query` goes into the address (`song=song-…`)."""
    place = PLACES[name]
    st.page_link(
        place.file, label=label or place.title, icon=icon or place.icon, width=width, query_params=query or None
    )


def go_to(name: str, **query: str) -> NoReturn:
    """Switch to another page at once."""
    st.switch_page(PLACES[name].file, query_params=query or None)
