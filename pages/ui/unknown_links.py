"""A link that names nothing known: every page says so, and shows something else below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
import streamlit as st

from musicgen.approaches import approaches
from musicgen.storage import database
from pages.ui.state import forget, recall, remember
from pages.ui.text import escape, shorten

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

KINDS = {
    "song": ("song",), "run": ("run",), "output": ("output",), "generated": ("output",),
    "reference": ("song", "output"), "approach": ("approach",), "test": ("test",), "lesson": ("lesson",),
    "attempt": ("attempt",), "study": ("study",),
}  # fmt: skip
TABLES = {
    "song": database.songs, "run": database.runs, "output": database.outputs, "test": database.blind_tests,
    "attempt": database.attempts, "study": database.studies,
}  # fmt: skip
TOLD = "unknown_link"  # in the session: (page, sentences, address from then on)


def tell_unknown_links(page: str, place: DeltaGenerator) -> None:
    """Say which parts of the address name nothing that exists. It stays until the visitor opens something else: a page
    puts what it shows into the address at once."""
    unknown = [
        unknown_words(param, value) for param, value in st.query_params.items() if is_unknown(param, value, page)
    ]
    told = recall(TOLD)
    if unknown:
        told = (page, " ".join(unknown), None)
    elif told:
        told = _still(told, page, tuple(sorted(st.query_params.items())))
    if told is None:
        forget(TOLD)
        return
    remember(TOLD, told)
    place.warning(escape(told[1]), icon=":material/link_off:")


def _still(told: tuple[str, str, object], page: str, address: object) -> tuple[str, str, object] | None:
    """What was told before, if the visitor is still where the page put them."""
    said_on, sentences, then = told
    return (page, sentences, address) if said_on == page and then in (None, address) else None


def is_unknown(param: str, value: str, page: str = "") -> bool:
    """Whether the address names something that is not there. The page of a run says itself that there is none."""
    if param not in KINDS or (page == "runs" and param == "run" and database.ID_PATTERN.match(value)):
        return False
    return not any(is_there(kind, value) for kind in KINDS[param])


def is_there(kind: str, value: str) -> bool:
    if kind == "approach":
        return value in approaches()
    if kind == "lesson":
        from musicgen.lessons.shelf import shelf

        return value in shelf().lessons
    if not (database.ID_PATTERN.match(value) and value.startswith(f"{kind}-")):
        return False
    table = TABLES[kind]
    return database.one(sa.select(table.c.id).where(table.c.id == value)) is not None


def unknown_words(param: str, value: str) -> str:
    what = " or ".join(KINDS[param])
    return f"The link names {'an' if what[0] in 'ao' else 'a'} {what} that is not here: {shorten(value, 40)}."
