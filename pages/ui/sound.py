"""Hearing a clip: a player at once where there is sound; written music is rendered first, in the background."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.background import forget, is_settled, later
from pages.ui.errors import show_error
from pages.ui.player import player

if TYPE_CHECKING:
    from musicgen.clips import Clip


def rendering(clip: Clip) -> Future[Any] | None:
    """The rendering of a clip that cannot be heard yet, started if need be; None where there is sound."""
    if clip.has_audio:
        return None
    from musicgen.clips import ensure_audio

    return later(_key(clip), lambda: ensure_audio(clip))


def is_rendering(clips: Sequence[Clip]) -> bool:
    """Whether any of them is still being rendered: the caller looks again."""
    return any(future is not None and not future.done() for future in map(rendering, clips))


def draw_sound(
    clip: Clip, *, key: str, start_seconds: float = 0.0, stop_seconds: float | None = None, gain_db: float = 0.0
) -> None:
    """A player, or why there is none yet."""
    future = rendering(clip)
    if future is not None and not is_settled(future, 0.05):
        st.caption(":material/hourglass_top: Rendering the notes to sound …")
    elif future is not None and isinstance(error := future.exception(), MusicgenError):
        show_error(error)
        st.button("Try again", key=f"{key}.again", type="tertiary", on_click=forget, args=(_key(clip),))
    else:
        if future is not None:
            future.result()  # a bug of ours is shown as one
        player(clip, start_seconds=start_seconds, stop_seconds=stop_seconds, gain_db=gain_db, key=key)


def _key(clip: Clip) -> str:
    return f"sound|{clip.folder.name}"
