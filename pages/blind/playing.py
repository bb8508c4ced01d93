"""The players of a blind test, in one place. While a test is open, a player gets sound without a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.ui.player import PlayerLane, draw_player

if TYPE_CHECKING:
    from musicgen.clips import Clip


@dataclass(frozen=True)
class Unsealed:
    """An excerpt after the test: where it is in its piece, and what was said about it."""

    place: str
    title: str
    role: Literal["reference", "generated"]
    clip: Clip
    start_seconds: float
    stop_seconds: float


def play_excerpt(sound: bytes) -> None:
    """An excerpt of a round, from the bytes of its WAV file. The player with lanes would tell the browser more."""
    st.audio(sound, format="audio/wav")


def play_again(excerpts: Sequence[Unsealed], *, key: str) -> None:
    """After the test: the pieces of a round as lanes that begin with their excerpts."""
    if not excerpts:
        return
    lanes = [
        PlayerLane(each.place, each.clip, title=each.title, role=each.role, shift=-each.start_seconds)
        for each in excerpts
    ]
    longest = max(each.stop_seconds - each.start_seconds for each in excerpts)
    draw_player(lanes, key=key, window=(0.0, longest))
