"""A piece while it is being generated: a picture that grows, and a player.

The picture shows every new draft. The player keeps its sound until the visitor asks for more; otherwise it would stop
in the middle of playing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import CorruptArtifact, MusicgenError
from pages.ui.background import forget, known, later
from pages.ui.charts import Lane, roll_figure, show_figure, waveform_figure
from pages.ui.errors import show_error
from pages.ui.text import clock

if TYPE_CHECKING:
    from musicgen.runs.api import Task
    from musicgen.runs.drafts import Draft

HELD = "draft_held"  # in the session: {task, draft, seconds, sound}, what the player holds
ASKED = "draft_asked"  # {task, draft, seconds}, what is being rendered for it
ROW_HEIGHT = 90


def draw_draft(task: Task) -> None:
    """The beginning of the piece that this task makes, as soon as there is one. Call it in a fragment with a timer."""
    draft = task.draft
    if draft is None:
        return
    try:
        clip = draft.clip
        words, figure = draft_words(task, draft), _figure(draft)
        held = _held(task.id, draft)
    except (CorruptArtifact, OSError):  # just removed, because the finished piece is there
        return
    with st.container(border=True, key="draft", gap="small"):
        st.markdown(words)
        if held:
            st.audio(held["sound"], format="audio/wav")
        show_figure(figure, key="draft_picture", alt="The piece so far")
        _offer(task.id, draft, clip.seconds, held)


def forget_draft() -> None:
    """Release the sound, because nothing is being generated any more."""
    for name in (HELD, ASKED):
        st.session_state.pop(name, None)


def draft_words(task: Task, draft: Draft) -> str:
    """`**So far**: 3.2 of 10 s`; for notes, whose final length is not known yet, the share of the piece."""
    seconds, which = draft.clip.seconds, ", one of several" if len(task.request.get("seeds") or ()) > 1 else ""
    if draft.clip.medium == "audio":
        return f"**So far{which}**: {seconds:.1f} of {seconds * draft.total / draft.done:.0f} s"
    return f"**So far{which}**: {clock(seconds)}, {draft.done / draft.total:.0%} of the piece"


def _figure(draft: Draft) -> dict[str, Any]:
    lane = Lane("", draft.clip)
    if draft.clip.medium == "midi":
        return roll_figure([lane], row_height=2 * ROW_HEIGHT)
    figure = waveform_figure([lane], row_height=ROW_HEIGHT)
    figure["layout"]["xaxis"]["range"] = [0.0, draft.clip.seconds * draft.total / draft.done]
    return figure


def _held(task_id: str, draft: Draft) -> dict[str, Any] | None:
    """What the player holds: sound at once, notes as soon as the requested draft is rendered."""
    _take_rendered()
    held = st.session_state.get(HELD)
    if (held is None or held["task"] != task_id) and draft.clip.medium == "audio":
        _take(task_id, draft)
        held = st.session_state[HELD]
    return held if held and held["task"] == task_id else None


def _offer(task_id: str, draft: Draft, seconds: float, held: dict[str, Any] | None) -> None:
    """A button that gives the player the newest draft."""
    is_rendering = ASKED in st.session_state
    is_newest = held is not None and held["draft"] == draft.id
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Load the newest part" if held else "Listen so far", key="draft_listen", icon=":material/hearing:",
            disabled=is_rendering or is_newest, on_click=_take_newest, args=(task_id,),
        )  # fmt: skip
        if is_rendering:
            st.caption(":material/hourglass_top: Rendering the notes to sound …")
        elif held:
            st.caption(f"The player holds the first {held['seconds']:.1f} s.")


def _take_newest(task_id: str) -> None:
    """Ask again for the newest draft: the page may show an older one."""
    from musicgen.runs.api import get_task

    draft = get_task(task_id).draft
    if draft is not None:
        with suppress(CorruptArtifact, OSError):  # just removed
            _take(task_id, draft)


def _take(task_id: str, draft: Draft) -> None:
    """Give the player this draft: at once, or after rendering it in the background."""
    from musicgen.runs.drafts import draft_sound

    taken = {"task": task_id, "draft": draft.id, "seconds": draft.clip.seconds}
    if draft.clip.medium == "audio":
        st.session_state[HELD] = {**taken, "sound": draft_sound(draft)}
        return
    later(_key(draft.id), lambda: draft_sound(draft))
    st.session_state[ASKED] = taken


def _take_rendered() -> None:
    asked = st.session_state.get(ASKED)
    future = known(_key(asked["draft"])) if asked else None
    if asked is None or (future is not None and not future.done()):
        return
    del st.session_state[ASKED]
    forget(_key(asked["draft"]))
    if future is None:
        return
    error = future.exception()
    if isinstance(error, MusicgenError):
        show_error(error)
    elif error is None:
        st.session_state[HELD] = {**asked, "sound": future.result()}


def _key(draft_id: str) -> str:
    return f"draft|{draft_id}"
