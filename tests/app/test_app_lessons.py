"""The Lessons page: the question, the work, what came out, own songs. The work is stored as after real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from stored_lessons import work_done
from stored_work import ENTRY, add_song, is_clean, nobody_works, players, said, tone, tune, until
from streamlit.testing.v1 import AppTest

from musicgen.lessons import attempts
from musicgen.lessons.attempts import get_attempt, list_attempts, start_attempt
from musicgen.runs import api
from musicgen.storage import database


def open_lessons(**query: str) -> AppTest:
    app = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/overview/lessons.py").run()


@pytest.fixture
def songs(home: Path) -> list[str]:
    return [add_song(f"tune {number}", tune(seed=number)) for number in range(3)]


def test_a_lesson_from_the_question_to_the_work(songs: list[str]) -> None:
    app = open_lessons(lesson="floor")
    assert is_clean(app)
    assert "1. Predict" in said(app)
    assert app.button(key="lesson_start").disabled
    app.radio(key="lesson_answer.floor").set_value("table").run()
    assert not app.button(key="lesson_start").disabled
    app.button_group(key="lesson_songs_from.floor").set_value("own").run()
    assert app.button(key="lesson_start").disabled
    app.multiselect(key="lesson_songs.midi").set_value(songs).run()
    with nobody_works():
        app.button(key="lesson_start").click().run()
        until(app, lambda page: bool(page.get("progress")))
        [attempt] = list_attempts("floor")
        assert (attempt.answer, len(attempt.songs)) == ("table", 3)
        assert "about 36 s left" in app.get("progress")[0].proto.text.replace("\\", "")
        assert "| A small network | Waiting | 0% |" in said(app)
        other = open_lessons(lesson="floor")  # another tab, or a reload after a restart of the server
        assert "| A small network | Waiting | 0% |" in said(other)
        app.button(key="lesson_stop").click().run()
        until(app, lambda page: "was stopped" in said(page))
        assert [run.state for run in api.list_runs()] == ["cancelled"]
        app.button(key="lesson_again").click().run()
        assert "1. Predict" in said(app)


def finished(songs: list[str], answer: str, losses: list[float]) -> AppTest:
    with nobody_works():
        attempt_id = start_attempt("floor", answer, songs)
        work_done(attempt_id, losses)
        return until(open_lessons(lesson="floor"), lambda page: "4. Why" in said(page))


def test_what_came_out_is_told_with_the_numbers_of_this_run(songs: list[str]) -> None:
    app = finished(songs, "later", [8.5, 5.0, 3.25])
    assert is_clean(app)
    assert "It came out as you said" in said(app)
    assert "After its first epoch the network had a loss of 8.5, and the table 6: the table was ahead." in said(app)
    assert "| The network at its best | 3.25 nats per note |" in said(app)
    lanes = [lane["title"] for told in players(app) for lane in told["lanes"]]
    assert lanes == ["tune 0", "The network after its first epoch", "The same network at its best"]
    assert app.get("download_button")
    app.button(key="lesson_again").click().run()
    assert "1. Predict" in said(app)
    assert list_attempts("floor")[0].is_finished


def test_an_unusual_result_says_so_and_answers_the_belief(songs: list[str]) -> None:
    app = finished(songs, "later", [9.0, 8.0, 7.0])
    assert "It came out otherwise: The table." in said(app)
    assert "This is not the usual result." in said(app)
    assert "It did not come out as usual: at its best, in epoch 3, the network had a loss of 7" in said(app)


def test_a_result_outlives_its_runs(songs: list[str]) -> None:
    finished(songs, "later", [8.5, 5.0, 3.25])
    [attempt] = list_attempts("floor")
    api.delete_run(str(attempt.run_id("network")))
    app = open_lessons(lesson="floor", attempt=attempt.id)
    assert is_clean(app)
    assert "Deleted since: A small network." in said(app)
    assert "| The network at its best | 3.25 nats per note |" in said(app)


def test_a_library_of_sound_only_is_told_what_a_lesson_of_notes_needs(home: Path) -> None:
    add_song("my song", tone())
    app = open_lessons(lesson="temperature")
    app.radio(key="lesson_answer.temperature").set_value("one").run()
    app.button_group(key="lesson_songs_from.temperature").set_value("own").run()
    assert "This lesson needs notes" in said(app)
    assert app.button(key="lesson_start").disabled
    app = open_lessons(lesson="look_back")
    app.radio(key="lesson_answer.look_back").set_value("tones").run()
    app.button_group(key="lesson_songs_from.look_back").set_value("own").run()
    assert "This lesson needs" not in said(app)
    assert app.multiselect(key="lesson_songs.audio").options


def test_a_failed_run_is_told_and_what_waits_is_stopped(songs: list[str]) -> None:
    with nobody_works():
        attempt = get_attempt(start_attempt("who_copies", "both", songs))
        failed = {"state": "failed", "reason": "There is too little music.", "finished_at": database.now()}
        run_id = str(attempt.run_id("careful"))
        database.change(sa.update(database.tasks).where(database.tasks.c.run_id == run_id).values(**failed))
        app = open_lessons(lesson="who_copies")
        assert "“The careful network” failed. There is too little music." in said(app)
        assert api.get_run(str(attempt.run_id("drilled"))).state == "cancelled"


@pytest.mark.parametrize("query", [{"lesson": "nothing"}, {"attempt": "attempt-000000000000"}, {"attempt": "../x"}])
def test_a_strange_link_is_told(home: Path, query: dict[str, Any]) -> None:
    app = open_lessons(**query)
    assert is_clean(app)
    assert "that is not here" in said(app)
    assert "1. Predict" in said(app)
    assert attempts.list_attempts() == []
