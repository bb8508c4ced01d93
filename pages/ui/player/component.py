"""The player as a Streamlit component: the modules in assets/player/ joined into one, without a build step."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.player.lanes import PlayerLane, Region, Slider

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

FOLDER = Path(__file__).resolve().parents[3] / "assets" / "player"
ENTRY = "index.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) )", re.MULTILINE)
KEYS = "Space: play · 1–9: lane · ← →: seek · L: loop · + −: zoom"


def joined_modules(entry: str = ENTRY) -> str:
    """All modules that `entry` imports, each before those that need it, as one module with the default export of the
    entry. They share one scope, so no two may define the same name (a test looks)."""
    done: dict[str, str] = {}

    def take(name: str) -> None:
        if name in done:
            return
        text = (FOLDER / name).read_text(encoding="utf-8")
        done[name] = ""  # a circle would not end
        for imported in IMPORT.findall(text):
            take(imported)
        del done[name]
        done[name] = EXPORT.sub("", IMPORT.sub("", text))

    take(entry)
    return "\n".join(done.values())


@cache
def _component() -> ComponentRenderer:
    css = (FOLDER / "player.css").read_text(encoding="utf-8")
    return st.components.v2.component("musicgen_player", js=joined_modules(), css=css)


def player(
    lanes: Sequence[PlayerLane],
    *,
    key: str,
    window: tuple[float, float] | None = None,
    regions: Sequence[Region] = (),
    slider: Slider | None = None,
    on_excerpt: Callable[[float, float], None] | None = None,
    on_page: Callable[[str, int], None] | None = None,
) -> None:
    """Draw the player. Lanes that are the same as before go on sounding, whatever else of the page changes.

    Args:
        window: seconds of the common axis that are in view whenever this changes; None: all.
        regions: passages to draw over the pictures.
        slider: chooses among lanes, instead of showing all of them.
        on_excerpt: called with (start, stop) in seconds of the common axis when the visitor sends the marked part.
        on_page: called with the id of a lane and the number of a page of its score that is wanted and not made yet.
    """
    data = {
        "lanes": [lane.to_json(f"{key}.{lane.id}") for lane in lanes],
        "window": window,
        "regions": [region.__dict__ for region in regions],
        "slider": slider.to_json() if slider else None,
        "offers_excerpt": on_excerpt is not None,
    }

    def sent_excerpt() -> None:
        chosen: Any = st.session_state[key].get("excerpt")
        if chosen and on_excerpt:
            on_excerpt(float(chosen["start"]), float(chosen["stop"]))

    def sent_page() -> None:
        wanted: Any = st.session_state[key].get("page")
        if wanted and on_page:
            on_page(str(wanted["lane"]), int(wanted["page"]))

    _component()(key=key, data=data, on_excerpt_change=sent_excerpt, on_page_change=sent_page)
