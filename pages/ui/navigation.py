"""The pages, declared once: the menu, the links between pages and the cards of the home page read this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import streamlit as st


@dataclass(frozen=True)
class Place:
    """A page: its file (seen from the entry point), its title and icon, and what one does there in a line."""

    file: str
    title: str
    icon: str
    summary: str


PLACES = {
    "home": Place("pages/overview/home.py", "Home", ":material/home:", "Where things stand, and what to do next."),
    "songs": Place(
        "pages/workflow/songs.py", "Songs", ":material/library_music:", "Bring songs and MIDI files, hear and see them."
    ),
    "train": Place("pages/workflow/train.py", "Train", ":material/school:", "Choose songs and an approach, and start."),
    "runs": Place("pages/workflow/runs.py", "Runs", ":material/timeline:", "Watch a network learn."),
    "generate": Place(
        "pages/workflow/generate.py", "Generate", ":material/auto_awesome:", "Let a trained network make music."
    ),
    "compare": Place(
        "pages/workflow/compare.py", "Compare", ":material/compare_arrows:", "Original and generated, side by side."
    ),
    "approaches": Place(
        "pages/overview/approaches.py", "Approaches", ":material/account_tree:", "The networks and what they read."
    ),
    "system": Place("pages/overview/system.py", "System", ":material/memory:", "What this machine has."),
}
SECTIONS = {
    "": ("home",),
    "Workflow": ("songs", "train", "runs", "generate", "compare"),
    "About": ("approaches", "system"),
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
    """Leave for another page at once."""
    st.switch_page(PLACES[name].file, query_params=query or None)
