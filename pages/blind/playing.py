"""The players of a blind test, in one place. While a test is open, a player gets sound without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.outputs.sound import draw_sound

if TYPE_CHECKING:
    from musicgen.clips import Clip


def play_excerpt(sound: bytes) -> None:
    """An excerpt of a round, from the bytes of its WAV file."""
    st.audio(sound, format="audio/wav")


def play_again(clip: Clip, start_seconds: float, stop_seconds: float, *, key: str) -> None:
    """After the test: an excerpt as its piece has it."""
    draw_sound(clip, key=key, start_seconds=start_seconds, stop_seconds=stop_seconds)
