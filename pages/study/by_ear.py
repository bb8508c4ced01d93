"""Two pieces of a search, A and B: hear both, say which sounds better. Nothing here says which trial is which."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.wording import count
from pages.ui.background import forget as forget_work
from pages.ui.background import known, later
from pages.ui.errors import show_error
from pages.ui.layout import kept_place, section_heading
from pages.ui.state import forget, recall, remember
from pages.ui.text import escape
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.listening.trial_pairs import TrialPair
    from musicgen.search.api import Study

ANSWERS = {"a": "A is better", "b": "B is better", "same": "No difference"}
ERROR = "by_ear_error"  # in the session: what went wrong with the last answer


def draw_by_ear(study: Study, pair: TrialPair | None) -> None:
    """The next comparison, or what it waits for."""
    section_heading("Which sounds better?")
    with kept_place():
        if error := recall(ERROR):
            forget(ERROR)
            st.warning(escape(error))
    if pair is None:
        st.caption(_nothing(study))
        return
    st.markdown(
        "Both pieces have the same seed and settings; their networks were trained differently. What you like leads the "
        f"search. So far: {count(len(study.judgements), 'comparison')}."
    )
    with kept_place():
        _draw_sounds(study, pair)


def _nothing(study: Study) -> str:
    if len(study.pieces) < 2 and not study.is_active:
        return "There are no two pieces to compare."
    if len(study.pieces) < 2:
        return "As soon as two trials have made a piece, you can compare them here."
    return "You have compared all the pieces so far. " + ("More are on the way." if study.is_active else "")


def _draw_sounds(study: Study, pair: TrialPair) -> None:
    from musicgen.listening.trial_pairs import pair_sounds

    name = f"pair {pair.study_id} {pair.name}"
    work = known(name) or later(name, lambda: pair_sounds(pair))
    if not work.done():
        wait_for([work], "Making the two pieces equally loud", st.rerun)
        return
    error = work.exception()
    if error is not None:
        forget_work(name)
        if not isinstance(error, MusicgenError):
            raise error
        show_error(error)
        return
    for column, (position, sound) in zip(st.columns(2, gap="medium"), work.result().items(), strict=False):
        with column, st.container(border=True, key=f"by_ear_play_{position}"):
            section_heading(position.upper())
            st.audio(sound, format="audio/wav")
    with st.container(horizontal=True, gap="small", key="by_ear_choose"):
        for answer, words in ANSWERS.items():
            # The pair is part of the key: a late second click belongs to a button that is gone.
            st.button(
                words, key=f"by_ear_{answer}.{pair.name}", type="secondary" if answer == "same" else "primary",
                on_click=partial(_answer, study.id, pair.name, answer, name),
            )  # fmt: skip


def _answer(study_id: str, pair_name: str, answer: str, work_name: str) -> None:
    from musicgen.listening.trial_pairs import judge_pair

    forget_work(work_name)
    try:
        judge_pair(study_id, pair_name, answer)
    except MusicgenError as error:  # answered in another tab
        remember(ERROR, str(error))
