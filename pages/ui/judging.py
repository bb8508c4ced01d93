"""What is wrong with an output, measured beside the songs it was learned from: in the background, once per content."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError, NotFound
from pages.ui.background import later
from pages.ui.text import escape
from pages.ui.verdicts import draw_verdicts
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.runs.api import Output

SOUND = {"midi": "not stuck, not looping, not copied", "audio": "not silent, not clipped, not looping"}


def natural_references(output: Output) -> list[str]:
    """Songs that belong to an output, the nearest first: the one it predicts, its prompt, those it learned from."""
    sidecar = output.sidecar
    near = [(sidecar.get("reference") or {}).get("song_id"), (sidecar.get("prompt") or {}).get("id")]
    return [song_id for song_id in (*near, *(song["id"] for song in sidecar.get("songs", ()))) if song_id]


def draw_judgement(output: Output) -> None:
    """Verdicts, or that there are none; nothing where its songs are gone."""
    reference = next(filter(_is_there, natural_references(output)), None)
    if reference is None:
        return
    future = later(f"verdicts|{output.id}|{reference}", lambda: _measure(reference, output.id))
    wait_for([future], "Checking it", lambda: _tell(future, output.medium))


def _is_there(song_id: str) -> bool:
    from musicgen.songs.library import get_song

    try:
        return bool(get_song(song_id))
    except NotFound:
        return False


def _measure(reference: str, generated: str) -> list[dict[str, Any]]:
    from musicgen.evaluation.comparison import comparison

    return list(comparison(reference, generated).get("verdicts", ()))


def _tell(future: Future[list[dict[str, Any]]], medium: str) -> None:
    error = future.exception()
    if isinstance(error, MusicgenError):
        st.caption(escape(f"It could not be checked. {error}"))
        return
    if found := future.result():
        draw_verdicts(found)
    else:
        st.caption(f":material/check: Checked: {SOUND[medium]}.")
