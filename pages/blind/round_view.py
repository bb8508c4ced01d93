"""One round: hear both, choose. Nothing here says which is which, and the next round begins without comment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from pages.blind.playing import play_excerpt
from pages.ui.errors import shown_errors
from pages.ui.layout import kept_place, section_heading
from pages.ui.state import forget, recall, remember
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.listening.records import BlindTest

QUESTIONS = {
    "real": "One excerpt is original music, the other one was generated. Which one is real?",
    "abx": "A is from one output and B from another. Is X from A or from B?",
}
ANSWERS = {"real": "{} is real", "abx": "X is from {}"}
SLIP_SECONDS = 0.4  # a second press within this time was meant for the round before
SHOWN = "blind_shown"  # in the session: (test, round, since when)


def draw_round(test: BlindTest) -> None:
    """The round that waits for an answer."""
    for name in set(st.query_params) - {"test"}:  # the address names no piece
        del st.query_params[name]
    number = test.round_number
    shown = recall(SHOWN)
    if shown is None or shown[:2] != (test.id, number):
        remember(SHOWN, (test.id, number, time.monotonic()))
    sounds = _sounds(test)  # before anything of the round is shown
    st.progress((number - 1) / test.n_rounds, text=f"**Round {number} of {test.n_rounds}**")
    st.markdown(QUESTIONS[test.kind])
    with kept_place():
        _draw_players(sounds)
    with st.container(horizontal=True, gap="medium", key="blind_choose"):
        for position in ("a", "b"):
            # The round is part of the key: a late second click belongs to a button that is gone.
            st.button(
                ANSWERS[test.kind].format(position.upper()), key=f"blind_choose_{position}.{number}",
                shortcut=position.upper(), type="primary", disabled=not sounds,
                on_click=_choose, args=(test.id, number, position),
            )  # fmt: skip
    with kept_place():
        if error := recall("blind_error"):
            forget("blind_error")
            st.error(escape(error), icon=":material/error:")
    st.caption(
        "Listen as often as you like. The result is shown after the last round: the number of rounds is fixed, so that "
        "nobody stops where it looks best. You can leave and come back by the address of this page."
    )
    with st.popover("Give up", key="blind_give_up_menu", icon=":material/flag:"):
        st.caption("This ends the test. It is kept, but it does not count.")
        st.button("Give up this test", key="blind_give_up", on_click=_give_up, args=(test.id,))


def _sounds(test: BlindTest) -> dict[str, bytes]:
    """The excerpts of the round; none, and an error at the top, if their files are gone."""
    from musicgen.listening.records import round_sound

    with kept_place(), shown_errors():
        return {position: round_sound(test, position) for position in test.positions}
    return {}


def _draw_players(sounds: Mapping[str, bytes]) -> None:
    for column, (position, sound) in zip(st.columns(max(len(sounds), 1), gap="medium"), sounds.items(), strict=False):
        with column, st.container(border=True, key=f"blind_play_{position}"):
            section_heading(position.upper())
            play_excerpt(sound)


def _choose(test_id: str, number: int, position: str) -> None:
    from musicgen.errors import MusicgenError
    from musicgen.listening.records import answer

    shown = recall(SHOWN)
    if shown and shown[:2] == (test_id, number) and time.monotonic() - shown[2] < SLIP_SECONDS:
        return
    try:
        answer(test_id, number, position)
    except MusicgenError as error:  # ended in another tab
        remember("blind_error", str(error))


def _give_up(test_id: str) -> None:
    from musicgen.listening.records import give_up

    give_up(test_id)
