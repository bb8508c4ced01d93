"""The judgement of an output: from its worker, or, for outputs of earlier versions, measured now in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError, NotFound
from pages.ui.background import later
from pages.ui.outputs.verdicts import draw_measurements, draw_no_faults, draw_verdicts
from pages.ui.text import escape
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.runs.api import Output

Remedies = Callable[[list[Mapping[str, Any]]], None]


def natural_references(output: Output) -> list[str]:
    """Songs that belong to an output, the closest first: the one it predicts, its prompt, those it was trained on."""
    sidecar = output.sidecar
    near = [(sidecar.get("reference") or {}).get("song_id"), (sidecar.get("prompt") or {}).get("id")]
    return [song_id for song_id in (*near, *(song["id"] for song in (sidecar.get("songs") or ()))) if song_id]


def draw_judgement(output: Output, *, may_measure: bool = True, remedies: Remedies | None = None) -> None:
    """The verdicts, or that there are none, and the measurements. Nothing if it was never measured and its songs are
    gone.

    Args:
        may_measure: whether to measure it now if that was not done when it was made.
        remedies: draws the buttons below the verdicts.
    """
    if output.sidecar.get("verdicts") is not None:
        _draw(output.medium, output.sidecar, remedies)
    elif may_measure:
        _measure_now(output, remedies)


def _measure_now(output: Output, remedies: Remedies | None) -> None:
    reference = next(filter(_is_there, natural_references(output)), None)
    if reference is None:
        return
    future = later(f"verdicts|{output.id}|{reference}", lambda: _measure(reference, output.id))
    if not future.done():
        wait_for([future], "Checking the piece", st.rerun)  # buttons that leave the page must not be inside a wait
        return
    _draw_measured(output.medium, future, remedies)


def _is_there(song_id: str) -> bool:
    from musicgen.songs.library import get_song

    try:
        return bool(get_song(song_id))
    except NotFound:
        return False


def _measure(reference: str, generated: str) -> dict[str, Any]:
    """A comparison, in the form in which a worker stores a judgement."""
    from musicgen.comparison.comparison import comparison

    found = comparison(reference, generated)
    between = {key: value for key, value in (found.get("between") or {}).items() if key.endswith("_training")}
    return {
        "verdicts": list(found.get("verdicts") or ()),
        "metrics": {**(found.get("generated") or {}), **between},
        "copied": found.get("training"),
        "medium": found.get("medium"),
    }


def _draw_measured(medium: str, future: Future[dict[str, Any]], remedies: Remedies | None) -> None:
    error = future.exception()
    if isinstance(error, MusicgenError):
        st.caption(escape(f"The piece could not be checked. {error}"))
        return
    judgement = future.result()
    _draw(judgement.get("medium") or medium, judgement, remedies)


def _draw(medium: str, judgement: Mapping[str, Any], remedies: Remedies | None) -> None:
    verdicts, metrics = list(judgement["verdicts"]), judgement.get("metrics") or {}
    if verdicts:
        draw_verdicts(verdicts, with_advice=remedies is None)
        if remedies is not None:
            remedies(verdicts)
    else:
        draw_no_faults(medium, metrics, judgement.get("copied"))
    draw_measurements(medium, metrics, judgement.get("copied"))
