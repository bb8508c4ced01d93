"""The page of searches through the entry point, and the start of one on the Train page."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import NASTY, add_song, add_study, code_blocks, is_clean, markup, nobody_works, said, tune, visit

from musicgen.approaches.notes.events import FIELDS
from musicgen.runs import api as runs_api
from musicgen.runs.api import Plan
from musicgen.search import api
from musicgen.search.api import get_study, list_studies

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(*_arguments: Any, **_options: Any) -> Plan:
        facts = {"n_windows": 4_321, "inputs_shape": [4_321, 100], "values_of_each_field": dict.fromkeys(FIELDS, 12)}
        return Plan(facts, {"unigram": 3.1}, (), 1, 48_250, 2.0, 840_000_000)

    monkeypatch.setattr(runs_api, "plan_training", plan)


def test_without_a_search_the_page_says_what_to_do() -> None:
    app = visit("study")
    assert is_clean(app)
    assert "No search yet" in said(app)


def test_what_a_search_found() -> None:
    study_id = add_study([add_song("A tune", tune())])
    app = visit("study", study=study_id)
    assert is_clean(app)
    words = said(app)
    assert "Trial 3 is the best so far: its held-out loss is 12.0% lower than that of the preset." in words
    assert "9 of 9" in words
    rows = [line for line in words.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| Trial 3 | Finished | 2.2 | 77 |"), "the best first"
    assert any(line.startswith("| The preset | Finished | 2.5 |") and line.endswith("| – |") for line in rows)
    assert any("Stopped early" in line for line in rows)
    assert any("Failed: The loss must stay finite." in line for line in rows)
    assert " → " in rows[1]
    shares = [element.proto.text.replace("\\", "") for element in app.get("progress")]
    assert shares == ["Learning rate: 60%", "Hidden size: 30%", "Dropout: 10%"]
    assert code_blocks(app) == [f"python -m musicgen studies show {study_id}"]
    assert any(each.key == "versus_make" for each in app.button), "pieces of its trials can be made"


def test_a_trial_is_trained_longer_on_the_train_page() -> None:
    study_id = add_study([add_song("A tune", tune())])
    with nobody_works():
        app = visit("study", study=study_id)
        app.selectbox(key="study_trial").set_value(4).run()
        app.button(key="study_train").click().run()
    assert is_clean(app)
    assert app.title[0].value == "Train"
    settings = api.settings_of(study_id, 4)
    assert app.number_input(key="training.epochs").value == 4 * 76
    assert app.number_input(key="training.learning_rate").value == settings["learning_rate"]
    assert app.number_input(key="training.units").value == settings["units"]


def test_a_search_is_stopped_continued_and_deleted() -> None:
    study_id = add_study([add_song("A tune", tune())], state="searching", reason="Trial 3 is paused.")
    with nobody_works():
        app = visit("study", study=study_id)
        assert "Trial 3 is paused" in said(app)
        assert app.button(key="study_train").disabled, "a page that refreshes itself is not left by a button"
        app.button(key="study_stop").click().run()
        assert get_study(study_id).state == "stopped"
        app.number_input(key="study_more_trials").set_value(5).run()
        app.button(key="study_continue").click().run()
        study = get_study(study_id)
        assert (study.state, study.max_trials) == ("searching", 14)
        api.stop_study(study_id)
        app.run()
        app.button(key="study_delete").click().run()
    assert is_clean(app)
    assert list_studies() == []
    assert "No search yet" in said(app)


def test_a_failed_search_says_why_and_names_are_data() -> None:
    study_id = add_study([add_song(NASTY, tune())], state="failed", reason=NASTY, trials=2)
    app = visit("study", study=study_id)
    assert is_clean(app)
    assert not markup(app)
    assert "long long" in said(app), "the whole reason"


def test_a_link_to_no_search_is_told() -> None:
    add_study([add_song("A tune", tune())], trials=1)
    app = visit("study", study="study-000000000000")
    assert is_clean(app)
    assert "names a study that is not here" in said(app)


def test_a_search_starts_on_the_train_page() -> None:
    song = add_song("A tune", tune())
    with nobody_works():
        app = visit("train", song=song)
        app.number_input(key="training.units").set_value(64).run()
        assert "so they stay as they are: Hidden size." in said(app)
        app.number_input(key="search_trials").set_value(0).run()
        assert app.button(key="search_start").disabled
        app.number_input(key="search_trials").set_value(12).run()
        assert any("search note_lstm" in text and "--trials 12 --minutes 20" in text for text in code_blocks(app))
        app.button(key="search_start").click().run()
    assert is_clean(app)
    assert app.title[0].value == "Good settings"
    (study,) = list_studies()
    assert (study.max_trials, study.max_seconds) == (12, 1200.0)
    assert study.request["training"]["units"] == 64
    assert study.request["fixed"] == ["units"]
    assert "units" not in {knob.name for knob in study.knobs}
    assert [each["id"] for each in study.request["songs"]] == [song]
