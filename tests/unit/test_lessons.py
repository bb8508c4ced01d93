"""Lesson files, conditions, judging, and the record of attempts. Nothing is trained here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from musicgen.approaches import approaches
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, InvalidParameter, NotFound, WrongState
from musicgen.lessons import attempts, finishing, following, measuring
from musicgen.lessons.attempts import get_attempt, list_attempts, start_attempt
from musicgen.lessons.conditions import read_condition
from musicgen.lessons.judging import judged, value_words
from musicgen.lessons.lesson import Lesson, Value, read_lesson
from musicgen.lessons.shelf import FOLDER, find_lesson, shelf
from musicgen.runs import api
from musicgen.runs.following import task_after
from musicgen.storage import database
from tests.app.stored_work import add_song, nobody_works, tone, tune

FILES = sorted(FOLDER.glob("*.toml"))


def document(name: str = "floor") -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


# Lesson files


def test_there_are_five_lessons_in_order(home: Path) -> None:
    there = shelf()
    assert there.faults == ()
    assert [lesson.number for lesson in there.lessons.values()] == [1, 2, 3, 4, 5]
    assert len(FILES) == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_setting_of_a_lesson_exists_and_all_five_take_minutes(path: Path) -> None:
    lesson = read_lesson(tomllib.loads(path.read_text(encoding="utf-8")))
    for run in lesson.runs:
        known = approaches()[run.approach]
        read_parameters(known.Training, run.training)
        for pieces in run.pieces:
            read_parameters(known.Generation, pieces.generation)
    assert sum(each.seconds for each in shelf().lessons.values()) <= 600


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_answer_can_come_out_and_one_outcome_is_usual(path: Path) -> None:
    lesson = read_lesson(tomllib.loads(path.read_text(encoding="utf-8")))
    assert {outcome.answer for outcome in lesson.outcomes} - {""} == {each.key for each in lesson.predict.answers}
    assert sum(outcome.usual for outcome in lesson.outcomes) == 1
    assert not lesson.outcomes[-1].when


def changed(change: Any) -> dict[str, Any]:
    given = document()
    change(given)
    return given


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["runs"][0].update(approach="no_such"), "no approach 'no_such'"),
        (lambda d: d["runs"][0]["training"].update(units="many"), "units"),
        (lambda d: d["runs"][0]["training"].update(no_such=1), "no_such is not a parameter"),
        (lambda d: d["runs"][0]["pieces"][0]["generation"].update(temperature=99), "temperature"),
        (lambda d: d["values"][0].update(of="nobody"), "there is no run and there are no pieces 'nobody'"),
        (lambda d: d["values"][1].update(what="best_los"), "'best_los' cannot be measured there"),
        (lambda d: d["values"].append({"name": "x", "title": "X", "of": "late", "what": "metric.rms_db"}), "rms_db"),
        (lambda d: d["outcomes"][0].update(when=["first => bigram"]), "A condition compares"),
        (lambda d: d["outcomes"][0].update(when=["first < nothing"]), "nothing is no value"),
        (lambda d: d["outcomes"][0].update(answer="nobody"), "nobody is no answer"),
        (lambda d: d["outcomes"][0].update(text="It was {much}."), "much"),
        (lambda d: d["outcomes"].pop(), "the last one has none"),
        (lambda d: d["outcomes"][0].update(usual=False), "usual"),
        (lambda d: d.update(sample="chorale_audio"), "no sample of the medium midi"),
        (lambda d: d["see"][0].update(runs=["nobody"]), "there is no nobody"),
        (lambda d: d["see"][0].update(kind="dance"), "kind"),
        (lambda d: d["predict"]["answers"][1].update(key="table"), "table occurs twice"),
        (lambda d: d.update(colour="red"), "colour"),
    ],
)
def test_a_wrong_lesson_is_refused_with_the_place(change: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match="A lesson must follow") as told:
        read_lesson(changed(change))
    assert words in str(told.value)


def test_a_teachers_file_appears_and_a_broken_one_is_named(home: Path) -> None:
    own = home / "lessons"
    own.mkdir()
    text = (FOLDER / "floor.toml").read_text(encoding="utf-8")
    (own / "our_floor.toml").write_text(text.replace("number = 1", "number = 9", 1), encoding="utf-8")
    (own / "broken.toml").write_text("title = ", encoding="utf-8")
    (own / "Bad Name.toml").write_text(text, encoding="utf-8")
    there = shelf()
    assert list(there.lessons)[-1] == "our_floor"
    assert [fault.split(":")[0] for fault in there.faults] == ["Bad Name.toml", "broken.toml"]
    with pytest.raises(InvalidInput, match="TOML"):
        find_lesson("broken")
    with pytest.raises(NotFound, match="floor, by_heart"):
        find_lesson("nothing")


# Conditions


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a < b", True), ("b < a", False), ("a <= 1", True), ("a > 0.5 * b", False), ("a >= 0.5 * b", True),
        ("b > 1.9", True), ("a > -1", True), ("none < b", False), ("b > none", False),
    ],
)  # fmt: skip
def test_conditions(text: str, holds: bool) -> None:
    assert read_condition(text).holds({"a": 1.0, "b": 2.0, "none": None}) is holds


@pytest.mark.parametrize("text", ["a", "a < ", "a == b", "a < 2 * 3", "__import__('os') < b", "a < b < c", "A < b"])
def test_anything_else_is_no_condition(text: str) -> None:
    with pytest.raises(InvalidInput, match="A condition compares"):
        read_condition(text)


# Judging, with made values for each outcome

MADE: list[tuple[str, dict[str, float | None], str, bool]] = [
    ("floor", {"first": 9.0, "bigram": 6.0, "best": 2.7, "best_epoch": 24, "gain": 3.3}, "later", True),
    ("floor", {"first": 5.0, "bigram": 6.0, "best": 2.7, "best_epoch": 24, "gain": 3.3}, "at_once", False),
    ("floor", {"first": 9.0, "bigram": 6.0, "best": 6.1, "best_epoch": 20, "gain": -0.1}, "table", False),
    ("floor", {"first": 9.0, "bigram": None, "best": 6.1, "best_epoch": 20, "gain": None}, "", False),
    ("by_heart", {"best": 3.3, "last": 5.3, "best_epoch": 14, "epochs": 40}, "rises", True),
    ("by_heart", {"best": 3.3, "last": 3.31, "best_epoch": 39, "epochs": 40}, "falls", False),
    ("by_heart", {"best": 3.3, "last": 3.4, "best_epoch": 20, "epochs": 40}, "levels", False),
    ("by_heart", {"best": None, "last": None, "best_epoch": None, "epochs": 40}, "", False),
    ("temperature", {"cool_off": 0.3, "one_off": 0.1, "hot_off": 0.6}, "one", True),
    ("temperature", {"cool_off": 0.1, "one_off": 0.3, "hot_off": 0.6}, "cool", False),
    ("temperature", {"cool_off": 0.5, "one_off": 0.3, "hot_off": 0.1}, "hot", False),
    ("temperature", {"cool_off": None, "one_off": None, "hot_off": None}, "", False),
    ("who_copies", {"songs": 0.1, "new_share": 0.0, "known_share": 0.7}, "by_heart", True),
    ("who_copies", {"songs": 0.1, "new_share": 0.2, "known_share": 0.7}, "both", False),
    ("who_copies", {"songs": 0.1, "new_share": 0.0, "known_share": 0.0}, "neither", False),
    ("who_copies", {"songs": 0.1, "new_share": 0.2, "known_share": 0.0}, "", False),
    ("look_back", {"left": 0.94, "near_noise": 1.0, "far_noise": 0.6, "far_seconds": 0.064}, "tones", True),
    ("look_back", {"left": 0.94, "near_noise": 0.9, "far_noise": 1.0, "far_seconds": 0.064}, "", False),
    ("look_back", {"left": 0.4, "near_loss": 7.1, "far_loss": 2.8, "far_seconds": 0.064}, "tunes", False),
    ("look_back", {"left": 1.0, "near_loss": 7.1, "far_loss": 7.1, "far_seconds": 0.064}, "nothing", False),
    ("look_back", {"left": None, "near_loss": None, "far_loss": 7.1, "far_seconds": 0.064}, "", False),
    ("who_copies", {"songs": None, "new_share": 0.2, "known_share": 0.0}, "", False),
]


@pytest.mark.parametrize(("key", "values", "answer", "usual"), MADE)
def test_each_outcome_is_judged_from_its_values(
    home: Path, key: str, values: dict[str, float | None], answer: str, usual: bool
) -> None:
    lesson = find_lesson(key)
    for given in lesson.predict.answers:
        found = judged(lesson, given.key, values)
        assert (found["answer"], found["usual"]) == (answer, usual)
        assert found["is_right"] is (given.key == answer)
        assert found["why"]
        assert "{" not in " ".join(found["why"])
        if answer and not usual:
            assert "not the usual result" in found["headline"]
            assert "not come out as usual" in found["why"][0]


def test_all_outcomes_of_all_lessons_are_covered(home: Path) -> None:
    for key, lesson in shelf().lessons.items():
        made = {answer for name, _, answer, _ in MADE if name == key}
        assert made == {outcome.answer for outcome in lesson.outcomes} | {""}, key


def test_values_in_words() -> None:
    def words(unit: str, number: float | None) -> str:
        return value_words(Value(name="a", title="A", of="x", what="y", unit=unit), number)

    assert words("ms", 0.064125) == "64 ms"
    assert [words("%", 0.256), words("s", 2.5), words("", 24.0), words("nats", 1.23456), words("", None)] == [
        "26%", "2.5 s", "24", "1.23", "–",
    ]  # fmt: skip


# Measuring


def test_numbers_of_pieces_are_means_of_those_that_have_them() -> None:
    found = {
        "share": 0.2, "num_passages": 2, "yardstick": {"shares": [0.0, 0.2]},
        "passages": [{"start": 1.0, "stop": 4.0}, {"start": 5.0, "stop": 6.0}],
    }  # fmt: skip
    sidecars = [
        {"metrics": {"loop_share": 0.1}, "originality": found},
        {"metrics": {"loop_share": 0.3}, "originality": {**found, "share": 0.4, "passages": []}},
        {},
    ]
    assert measuring.of_pieces("metric.loop_share", sidecars) == pytest.approx(0.2)
    assert measuring.of_pieces("borrowed_share", sidecars) == pytest.approx(0.3)
    assert measuring.of_pieces("songs_share", sidecars) == pytest.approx(0.1)
    assert measuring.of_pieces("longest_passage", sidecars) == 3.0
    assert measuring.of_pieces("metric.rms_db", sidecars) is None
    assert measuring.of_pieces("borrowed_share", []) is None


def test_derived_numbers() -> None:
    known = {"a": 1.0, "b": 4.0, "zero": 0.0, "none": None}

    def number(**way: Any) -> float | None:
        return measuring.derived(Value(name="x", title="X", **way), known)

    assert number(distance=("a", "b")) == 3.0
    assert number(difference=("a", "b")) == -3.0
    assert number(ratio=("a", "b")) == 0.25
    assert number(ratio=("a", "zero")) is None
    assert number(difference=("a", "none")) is None


def test_songs_are_measured_in_a_child(home: Path) -> None:
    from musicgen.songs.library import songs_of

    songs = songs_of([add_song("a", tune(seed=1)), add_song("b", tune(seed=2))])
    found = measuring.measure_songs([str(song.folder) for song in songs])
    from musicgen.evaluation.midi import pitch_class_entropy

    wanted = sum(pitch_class_entropy(song.clip.score()) for song in songs) / 2
    assert found["pitch_class_entropy"] == pytest.approx(wanted)


# Attempts


@pytest.fixture
def songs(home: Path) -> list[str]:
    return [add_song(f"tune {number}", tune(seed=number)) for number in range(3)]


def test_an_attempt_is_a_row_and_ordinary_runs(songs: list[str]) -> None:
    with nobody_works():
        attempt_id = start_attempt("floor", "later", songs, submit_key="click")
        assert start_attempt("floor", "table", songs, submit_key="click") == attempt_id
        attempt = get_attempt(attempt_id)
        assert (attempt.answer, attempt.is_finished, len(attempt.songs)) == ("later", False, 3)
        [run] = api.list_runs()
        assert run.id == attempt.run_id("network")
        assert run.name.startswith("Lesson 1: a small network")
        assert run.request["training"]["units"] == 64
        assert [each["checkpoint"] for each in run.request["then"]] == ["1", "best"]
        attempts.order_work(attempt)
        assert len(api.list_runs()) == 1
        work = following.attempt_work(attempt)
        assert [part.state for part in work.parts] == ["queued", "waiting", "waiting"]
        assert work.seconds_left == pytest.approx(attempt.lesson.seconds)
        assert (work.is_active, work.is_done, work.broken, work.share) == (True, False, None, 0.0)
        with pytest.raises(WrongState, match="0 of 3 parts"):
            finishing.finish(attempt)
        with pytest.raises(WrongState, match="at rest"):
            finishing.delete_attempt(attempt_id)


def test_a_stopped_attempt_says_so_and_can_be_forgotten(songs: list[str]) -> None:
    with nobody_works():
        attempt = get_attempt(start_attempt("floor", "later", songs))
        finishing.stop(attempt.id)
        work = following.attempt_work(attempt)
        assert work.broken is not None
        assert work.broken.state == "cancelled"
        assert not work.is_active
        finishing.delete_attempt(attempt.id)
        assert list_attempts() == []
        assert len(api.list_runs()) == 1


def test_a_deleted_run_is_told(songs: list[str]) -> None:
    with nobody_works():
        attempt = get_attempt(start_attempt("floor", "later", songs))
        finishing.stop(attempt.id)
        api.delete_run(str(attempt.run_id("network")))
        work = following.attempt_work(get_attempt(attempt.id))
        assert work.parts[0].state == "gone"
        assert not work.is_active
        attempts.order_work(get_attempt(attempt.id))
        assert api.list_runs() == []


def test_what_a_lesson_cannot_use_is_one_sentence(songs: list[str]) -> None:
    sound = add_song("my song", tone())
    with pytest.raises(InvalidInput, match=r"needs notes .* Received: “my song”, which is audio\. .*Hear the notes"):
        start_attempt("floor", "later", [sound])
    with pytest.raises(InvalidInput, match="3 songs or more"):
        start_attempt("who_copies", "both", songs[:2])
    with pytest.raises(InvalidInput, match="table, at_once, later"):
        start_attempt("floor", "nobody", songs)
    assert list_attempts() == []


def test_pieces_with_settings_of_their_own_follow_a_training(songs: list[str]) -> None:
    choices = [api.SongChoice(song) for song in songs]
    with pytest.raises(InvalidParameter, match="temperature"):
        api.submit_training("note_lstm", choices, {}, then=[{"generation": {"temperature": 99}}])
    assert api.list_runs() == []


def test_an_attempt_that_this_version_cannot_read_is_passed_over(songs: list[str]) -> None:
    with nobody_works():
        readable = start_attempt("floor", "later", songs)
        later = start_attempt("floor", "later", songs)
    stored = {**get_attempt(later).document, "runs": [{"name": "network", "approach": "gone"}]}
    database.change(sa.update(database.attempts).where(database.attempts.c.id == later).values(document=stored))
    assert not get_attempt(later).is_readable
    assert attempts.newest_attempts()["floor"].id == readable


def test_an_attempt_keeps_the_lesson_as_it_was(songs: list[str]) -> None:
    with nobody_works():
        attempt_id = start_attempt("floor", "later", songs)
    stored = database.one(sa.select(database.attempts.c.document).where(database.attempts.c.id == attempt_id))
    assert stored is not None
    assert read_lesson(stored["document"]) == find_lesson("floor")
    assert isinstance(get_attempt(attempt_id).lesson, Lesson)
    assert task_after(str(get_attempt(attempt_id).run_id("network")), 0) is None
