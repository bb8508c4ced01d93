"""A clip to listen to and look at: the player with one lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.errors import shown_errors
from pages.ui.player import PlayerLane, draw_player

if TYPE_CHECKING:
    from musicgen.clips import Clip


@st.fragment
def clip_view(clip: Clip, *, key: str, track_names: Sequence[str] = ()) -> None:
    """The player and the pictures of a clip. Drag across a picture to loop a part of it."""
    with shown_errors():
        draw_player([PlayerLane(clip.folder.name, clip, voices=track_names)], key=f"{key}_player")
