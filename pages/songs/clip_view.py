"""A clip to listen to and look at: the player with one lane, or with others beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.errors import shown_errors
from pages.ui.player import PlayerLane, draw_player

if TYPE_CHECKING:
    from musicgen.clips import Clip


@st.fragment
def clip_view(clip: Clip, *, key: str, track_names: Sequence[str] = (), beside: Sequence[PlayerLane] = ()) -> None:
    """The player and the pictures of a clip. Drag across a picture to loop a part of it.

    `beside`: lanes to show below it on the same clock; the clip is then called the original."""
    own = PlayerLane(clip.folder.name, clip, voices=track_names)
    if beside:
        own = replace(own, title="Original", role="reference")
    with shown_errors():
        draw_player([own, *beside], key=f"{key}_player")
