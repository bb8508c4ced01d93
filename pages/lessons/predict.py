"""The first step of a lesson: the idea, the question, an answer, the songs, and the button that runs it."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.wording import span
from pages.lessons.attempt_choice import show_attempt, starting_key
from pages.ui.background import forget as forget_work
from pages.ui.background import known, later
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place, section_heading
from pages.ui.songs_picker import songs_picker
from pages.ui.state import forget, recall, remember
from pages.ui.text import escape
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.lessons.lesson import Lesson

SAMPLE, OWN = "sample", "own"
NEEDS = {
    "midi": "This lesson needs notes, as MIDI songs have them: “Hear the notes” on the page of a song makes one "
    "of a song that is sound.",
    "audio": "This lesson needs sound: WAV, MP3, FLAC, OGG or M4A files.",
}


def draw_question(key: str, lesson: Lesson) -> None:
    """The question, and the start. While the sample is added the button waits."""
    from musicgen.lessons.lesson import paragraphs

    section_heading(lesson.title)
    for text in paragraphs(lesson.idea):
        st.markdown(escape(text))
    st.markdown("### 1. Predict")
    for text in paragraphs(lesson.predict.question):
        st.markdown(f"**{escape(text)}**")
    texts = {answer.key: answer.text for answer in lesson.predict.answers}
    answer = st.radio(
        "Your answer", list(texts), index=None, key=f"lesson_answer.{key}", persist_state="session",
        format_func=lambda one: escape(texts[one]),
    )  # fmt: skip
    song_ids, is_ready = _choose_songs(key, lesson)
    st.markdown("### 2. Run")
    st.caption(escape(f"{_training_words(lesson)} About {span(lesson.seconds)} of computing on two cores."))
    work = known(recall(starting_key(key), ""))
    is_starting = work is not None
    if st.button(
        "Run it", key="lesson_start", type="primary", icon=":material/play_arrow:",
        disabled=is_starting or not answer or not is_ready,
    ):  # fmt: skip
        _start(key, str(answer), song_ids)
    with kept_place():
        if work is not None:
            wait_for([work], "Preparing the songs", partial(_started, key, work))
        elif not answer:
            st.caption("Choose an answer first. A guess is enough: there is nothing to lose.")


def _choose_songs(key: str, lesson: Lesson) -> tuple[tuple[str, ...], bool]:
    """(ids of own songs, () for the sample; whether the lesson can be run on them)."""
    from musicgen.songs.samples import SAMPLES

    title = next(sample.title for sample in SAMPLES if sample.key == lesson.sample)
    labels = {SAMPLE: f"The sample: {title}", OWN: "My own songs"}
    source = st.segmented_control(
        "Songs", list(labels), default=SAMPLE, required=True, key=f"lesson_songs_from.{key}", persist_state="session",
        format_func=lambda one: labels[str(one)],
    )  # fmt: skip
    with kept_place():
        if source != OWN:
            return (), True
        from musicgen.songs.library import count_songs

        if not count_songs(medium=lesson.medium):
            st.info(escape(NEEDS[lesson.medium]), icon=":material/info:")
            return (), False
        picked = songs_picker("Your songs", medium=lesson.medium, key=f"lesson_songs.{lesson.medium}")
        if len(picked.songs) < lesson.min_songs:
            st.caption(f"Choose {lesson.min_songs} songs or more." if lesson.min_songs > 1 else "Choose a song.")
        return tuple(song.id for song in picked.songs), len(picked.songs) >= lesson.min_songs


def _training_words(lesson: Lesson) -> str:
    trainings, pieces = len(lesson.runs), sum(each.count for run in lesson.runs for each in run.pieces)
    trained = "One network is trained" if trainings == 1 else f"{trainings} networks are trained"
    made = "one piece is made" if pieces == 1 else f"{pieces} pieces are made"
    return f"{trained}, and {made}."


def _start(key: str, answer: str, song_ids: tuple[str, ...]) -> None:
    from musicgen.lessons.attempts import start_attempt

    submit_key = intent_key(f"lesson {key}", {"answer": answer, "songs": song_ids})
    work = f"lesson {key} {submit_key}"
    remember(starting_key(key), work)
    later(work, lambda: start_attempt(key, answer, song_ids, submit_key=submit_key))
    st.rerun()


def _started(key: str, work: Future[str]) -> None:
    """Open the attempt, or say why there is none."""
    error = work.exception()
    name = recall(starting_key(key), "")
    forget(starting_key(key))
    forget_work(name)
    if isinstance(error, MusicgenError):
        show_error(error)
        st.button("Try again", key="lesson_start_again", type="tertiary")
        return
    show_attempt(key, work.result())
    st.rerun()
