"""The player with all that may still be missing: notes are rendered and pictures are made in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from pages.ui.background import forget, later
from pages.ui.errors import show_error
from pages.ui.layout import kept_place
from pages.ui.player.component import player
from pages.ui.player.lanes import PlayerLane
from pages.ui.scores import ScorePages, score_pages
from pages.ui.state import recall, remember
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.clips import Clip


def draw_player(lanes: Sequence[PlayerLane], *, key: str, **options: Any) -> None:
    """`player`, at once; the page is drawn again when sound, pictures or pages of a score have been made. `options`:
    see `player`."""
    renderings = {lane.clip.folder: rendering(lane.clip) for lane in lanes}
    scores = {lane.id: found for lane in lanes if (found := _score(lane)) is not None}
    shown = [replace(lane, score=scores[lane.id].sheet) if lane.id in scores else lane for lane in lanes]
    failed = kept_place()
    player(shown, key=key, on_page=partial(_want_page, {lane.id: lane.clip for lane in lanes}), **options)
    with failed:
        for lane in lanes:
            _tell(lane.clip, renderings[lane.clip.folder], key)
        for score in scores.values():
            if score.error is not None:
                show_error(score.error)
    with kept_place():
        sounds = [future for future in renderings.values() if future is not None]
        pages = [score.work for score in scores.values() if score.work is not None]
        pictures = [future for lane in lanes if (future := picturing(lane)) is not None]
        waiting = [future for future in (*sounds, *pages, *pictures) if not future.done()]
        if waiting:
            words = "Rendering the notes to sound" if waiting[0] in sounds else "Drawing the pictures"
            wait_for(waiting, words, st.rerun)


def _want_page(clips: Mapping[str, Clip], lane: str, page: int) -> None:
    if lane in clips:
        name = _pages_key(clips[lane])
        remember(name, tuple(sorted({*recall(name, ()), page})))


def _pages_key(clip: Clip) -> str:
    return f"pages.{clip.folder.name}"


def _score(lane: PlayerLane) -> ScorePages | None:
    """The pages of a lane's score, if the visitor has asked for any."""
    wanted = recall(_pages_key(lane.clip), ())
    return score_pages(lane.clip, wanted) if wanted and lane.score is None and lane.clip.medium == "midi" else None


def rendering(clip: Clip) -> Future[Any] | None:
    """The rendering of a clip that has no sound yet, started if necessary; None if it has sound."""
    if clip.has_audio:
        return None
    from musicgen.clips import ensure_audio

    return later(_sound_key(clip), lambda: ensure_audio(clip))


def picturing(lane: PlayerLane) -> Future[Any] | None:
    """The making of the pictures that a lane has not got yet; None if it needs none."""
    from musicgen.clips.pictures import ensure_pictures, missing_pictures

    clip, missing = lane.clip, missing_pictures(lane.clip)
    if not set(missing) & set(lane.pictures):
        return None
    return later(f"pictures|{clip.folder.name}|{'.'.join(missing)}", lambda: ensure_pictures(clip))


def _tell(clip: Clip, future: Future[Any] | None, key: str) -> None:
    """Why there is no sound, and a button to try again."""
    error = future.exception() if future is not None and future.done() else None
    if isinstance(error, MusicgenError):
        show_error(error)
        again: Callable[[], None] = partial(forget, _sound_key(clip))
        st.button("Try again", key=f"{key}.again.{clip.folder.name}", type="tertiary", on_click=again)


def _sound_key(clip: Clip) -> str:
    return f"sound|{clip.folder.name}"
