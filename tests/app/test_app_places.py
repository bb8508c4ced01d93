"""Every field keeps its place on the page while notices, plans and buttons above it come and go. A field that moves is
made anew by the browser, and what a visitor is just typing into it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from stored_work import add_output, add_run, add_song, is_clean, nobody_works, said, tone, tune, until, visit
from streamlit.testing.v1 import AppTest

from musicgen.approaches.notes.events import FIELDS
from musicgen.comparison import comparison
from musicgen.errors import InvalidInput, sentence
from musicgen.runs import api
from musicgen.runs.api import Plan
from musicgen.storage import database
from pages.ui import search_field, songs_picker

pytestmark = pytest.mark.usefixtures("home", "planned")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Immediate plans and comparisons; thirteen epochs are impossible."""

    def plan(approach: str, choices: list[Any], training: dict[str, Any], **more: Any) -> Plan:
        if training["epochs"] == 13:
            raise InvalidInput(sentence("Thirteen epochs are too many", 13, "Take twelve."))
        warnings = ("A warning.",) if training["epochs"] == 12 else ()
        facts = {"n_windows": 10, "inputs_shape": [10, 8], "values_of_each_field": dict.fromkeys(FIELDS, 12)}
        return Plan(facts, {}, warnings, 1, 1_000, 2.0, 1_000_000)

    monkeypatch.setattr(api, "plan_training", plan)
    monkeypatch.setattr(comparison, "comparison", lambda *_, **__: {"verdicts": [], "medium": "audio"})


def places(app: AppTest) -> dict[str, tuple[int, ...]]:
    """key of a field or button → the numbers of the places that lead to it from the top of the page."""
    return dict(_places(app.main, ()))


def _places(node: Any, path: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    if key := getattr(node, "key", None):
        yield key, path
    for number, child in getattr(node, "children", {}).items():
        yield from _places(child, (*path, number))


def assert_stay(app: AppTest, change: Callable[[], Any], said_then: str, *fields: str) -> None:
    """The fields are where they were, although the page now says `said_then`."""
    before = places(app)
    assert said_then not in said(app)
    change()
    until(app, lambda app: said_then in said(app) and "Working it out" not in said(app))
    assert is_clean(app)
    after = places(app)
    assert {field: after[field] for field in fields} == {field: before[field] for field in fields}


TRAIN = ("train_name", "train_seed", "training.epochs", "train_start", "preset")


def test_fields_of_the_train_page_stay_when_the_plan_changes() -> None:
    add_song("The original", tone(3))
    app = until(visit("train"), lambda app: "Working it out" not in said(app))

    def epochs(number: int) -> Callable[[], Any]:
        return lambda: app.number_input(key="training.epochs").set_value(number).run()

    assert_stay(app, epochs(12), "A warning.", *TRAIN)
    assert_stay(app, epochs(13), "Thirteen epochs are too many", *TRAIN)
    assert_stay(app, lambda: app.button(key="preset_again").click().run(), "Times are", *TRAIN)
    assert_stay(app, epochs(11), "Changed from quick", *TRAIN)


def test_fields_of_the_train_page_stay_when_songs_and_tasks_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    song = add_song("One track", tune(tracks=1))
    app = until(visit("train"), lambda app: "Working it out" not in said(app))
    two = add_song("Two tracks", tune(tracks=2))
    assert_stay(app, lambda: app.multiselect(key="songs.midi").set_value([song, two]).run(), "Two tracks", *TRAIN)
    with nobody_works():
        add_run([song], state="queued", epochs=0)
        assert_stay(app, app.run, "1 other task", *TRAIN)
    for module in (search_field, songs_picker):
        monkeypatch.setattr(module, "SHOWN", 1)
    before = places(app)
    app.run()
    assert app.checkbox(key="songs.midi.all")
    assert places(app)["songs.midi"] == before["songs.midi"]


def test_the_search_for_songs_stays_when_a_report_arrives_and_goes() -> None:
    song = add_song("A song", tone(1))
    app = visit("songs")
    file = {"path": "a.wav", "id": song, "status": "added", "reason": "", "warnings": [], "kept": {}, "dropped": {}}

    def report() -> None:
        app.session_state["kept.import_report"] = [file]
        app.run()

    assert_stay(app, report, "1 song added", "song_search", "song_upload")
    before = places(app)
    app.button(key="import_report_close").click().run()
    assert places(app)["song_search"] == before["song_search"]


def test_the_library_stays_when_the_notice_of_a_missing_song_goes() -> None:
    add_song("A song", tone(1))
    app = visit("songs", song="song-000000000000")
    before = places(app)
    app.run()
    assert places(app)["song_search"] == before["song_search"]


def test_the_name_of_a_run_stays_when_the_run_ends() -> None:
    with nobody_works():
        run = add_run([add_song("A song", tone(1))], state="running", progress={"epoch": 2, "epochs": 4})
        app = visit("runs", run=run)
        changed = sa.update(database.tasks).where(database.tasks.c.run_id == run)
        ended = {"state": "cancelled", "reason": "It was stopped.", "finished_at": database.now()}

        def end() -> None:
            database.change(changed.values(**ended))
            app.run()

        assert_stay(app, end, "It was stopped.", f"run_name.{run}", "run_search", "run_import_start")


def test_fields_of_the_generate_page_stay_when_a_generation_starts() -> None:
    song = add_song("The original", tone(2))
    run = add_run([song])
    add_output(run, tone(1), name="First piece", verdicts=[], metrics={})
    app = visit("generate", run=run)
    fields = ("generate_seed", "generate_count", "generate_start", "generation.temperature")
    with nobody_works():
        before = places(app)
        app.button(key="generate_start").click().run()
        assert app.button(key="generate_cancel")
        after = places(app)
    assert {field: after[field] for field in fields} == {field: before[field] for field in fields}
    assert after["output_again"] == before["output_again"]
