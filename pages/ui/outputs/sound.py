"""Playing a clip: at once if it has sound; notes are rendered first, in the background."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.background import forget, later
from pages.ui.errors import show_error
from pages.ui.outputs.player import player
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.clips import Clip


def rendering(clip: Clip) -> Future[Any] | None:
    """The rendering of a clip that has no sound yet, started if necessary; None if it has sound."""
    if clip.has_audio:
        return None
    from musicgen.clips import ensure_audio

    return later(_key(clip), lambda: ensure_audio(clip))


def draw_sound(
    clip: Clip, *, key: str, start_seconds: float = 0.0, stop_seconds: float | None = None, gain_db: float = 0.0
) -> None:
    """A player; for notes without sound, as soon as they are rendered."""

    def play() -> None:
        error = future.exception() if future is not None else None
        if isinstance(error, MusicgenError):
            show_error(error)
            st.button("Try again", key=f"{key}.again", type="tertiary", on_click=forget, args=(_key(clip),))
            return
        player(clip, start_seconds=start_seconds, stop_seconds=stop_seconds, gain_db=gain_db, key=key)

    future = rendering(clip)
    wait_for([] if future is None else [future], "Rendering the notes to sound", play)


def _key(clip: Clip) -> str:
    return f"sound|{clip.folder.name}"
