"""What an output borrows from its training songs, against what these borrow from each other: one sentence, the
passages, and links to the comparisons with their songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.evaluation.borrowing_words import moved_words
from musicgen.wording import count
from pages.ui.background import known, later
from pages.ui.layout import kept_place
from pages.ui.navigation import page_link
from pages.ui.tables import text_table
from pages.ui.text import escape
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.runs.api import Output

SHOWN = 12  # passages in the table; the longest
LINKED = 3  # songs with a link; those with the most passages


def draw_borrowing(output: Output, *, may_measure: bool = True) -> None:
    """The sentence and the table. Nothing if there are no songs to compare with.

    `may_measure`: whether to offer to look for passages if that was not done when it was made."""
    from musicgen.comparison.borrowed import originality, stored_originality

    stored = stored_originality(output)
    if stored is not None:
        _draw(output, stored.get("originality"))
        return
    key, place = f"originality|{output.id}", kept_place()
    future = known(key)
    if future is None and may_measure and output.sidecar.get("songs"):
        with place:
            is_wanted = st.button(
                "Look for passages from its songs", key=f"borrowed_now_{output.id}", icon=":material/content_copy:",
                help="Finds passages that also occur in a training song, in any key and at another tempo. "
                "This takes up to a minute.",
            )  # fmt: skip
        if is_wanted:
            future = later(key, lambda: originality(output.id))
    if future is None:
        return
    if not future.done():
        wait_for([future], "Looking for passages from the songs", st.rerun)
    elif isinstance(error := future.exception(), MusicgenError):
        st.caption(escape(f"The piece could not be compared with its songs. {error}"))
    else:
        _draw(output, future.result())


def _draw(output: Output, found: Mapping[str, Any] | None) -> None:
    if not found:
        return
    st.caption(f":material/content_copy: {escape(found['text'])}")
    if passages := list(found["passages"]):
        number = int(found.get("num_passages", len(passages)))
        with st.expander(
            f"{count(number, 'passage')} from the songs", icon=":material/link:", key=f"borrowed_{output.id}"
        ):
            _draw_passages(output, passages)


def _draw_passages(output: Output, passages: Sequence[Mapping[str, Any]]) -> None:
    shown = sorted(passages, key=lambda each: each["start"] - each["stop"])[:SHOWN]
    text_table(
        ("Here", "In the song", "Moved"),
        [
            (
                _stretch(each["start"], each["stop"]),
                f"{each['song']}, {_stretch(each['song_start'], each['song_stop'])}",
                f"{moved_words(each)}; {each['similarity']:.0%} alike",
            )
            for each in sorted(shown, key=lambda each: each["start"])
        ],
    )
    if len(passages) > SHOWN:
        st.caption(f"The {SHOWN} longest of {len(passages)}.")
    with kept_place(), st.container(horizontal=True, gap="small"):
        for song_id, name in _songs(passages):
            page_link("compare", escape(f"Compare with {name}"), generated=output.id, reference=song_id)


def _stretch(start: float, stop: float) -> str:
    """`4.0–9.5 s`."""
    return f"{start:.1f}–{stop:.1f} s"


def _songs(passages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    seconds: dict[tuple[str, str], float] = {}
    for each in passages:
        song = (str(each["song_id"]), str(each["song"]))
        seconds[song] = seconds.get(song, 0.0) + each["stop"] - each["start"]
    return sorted(seconds, key=lambda song: -seconds[song])[:LINKED]
