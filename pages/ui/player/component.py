"""The player as a Streamlit component: the modules in assets/player/ joined into one, without a build step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.comparison.player_script import joined_modules, player_style
from pages.ui.player.lanes import PlayerLane, Region, Slider

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

KEYS = "Space: play · 1–9: lane · ← →: seek · L: loop · + −: zoom"


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("musicgen_player", js=joined_modules(), css=player_style())


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
