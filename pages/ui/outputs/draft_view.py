"""A piece while it is being generated: the player, with a lane that grows.

Every new draft is given to the player, which goes on with what it plays. The notes of a draft have no sound until the
visitor asks for it, because rendering them takes seconds.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import CorruptArtifact, MusicgenError
from pages.ui.background import forget, known, later
from pages.ui.errors import show_error
from pages.ui.layout import kept_place
from pages.ui.player import PlayerLane, player
from pages.ui.text import clock

if TYPE_CHECKING:
    from musicgen.runs.api import Task
    from musicgen.runs.drafts import Draft

HELD = "draft_held"  # in the session: {task, draft, seconds, sound}, the rendered notes that the player holds
ASKED = "draft_asked"  # {task, draft, seconds}, what is being rendered for it


def draw_draft(task: Task) -> None:
    """The beginning of the piece that this task makes, as soon as there is one. Call it in a fragment with a timer."""
    draft = task.draft
    if draft is None:
        return
    with suppress(CorruptArtifact, OSError):  # just removed, because the finished piece is there
        words, held = draft_words(task, draft), _held(task.id)
        lane = PlayerLane(
            task.id,
            draft.clip,
            role="generated",
            grows=True,
            pictures=("waveform", "roll"),
            sound=held["sound"] if held else None,
        )
        with st.container(border=True, key="draft", gap="small"):
            st.markdown(words)
            player([lane], key="draft_player")
            with kept_place():
                if draft.clip.medium == "midi":
                    _offer(task.id, draft, held)


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


def _held(task_id: str) -> dict[str, Any] | None:
    """The rendered notes that the player holds, as soon as the requested draft is rendered."""
    _take_rendered()
    held = st.session_state.get(HELD)
    return held if held and held["task"] == task_id else None


def _offer(task_id: str, draft: Draft, held: dict[str, Any] | None) -> None:
    """A button that renders the newest draft."""
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
    from musicgen.runs.drafts import draft_sound

    draft = get_task(task_id).draft
    if draft is not None:
        with suppress(CorruptArtifact, OSError):  # just removed
            st.session_state[ASKED] = {"task": task_id, "draft": draft.id, "seconds": draft.clip.seconds}
            later(_key(draft.id), lambda: draft_sound(draft))


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
