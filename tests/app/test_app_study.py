"""The page of searches through the entry point, and the start of one on the Train page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from stored_work import (
    NASTY,
    add_output,
    add_song,
    add_study,
    code_blocks,
    is_clean,
    markup,
    nobody_works,
    said,
    tune,
    visit,
)

from musicgen.approaches.notes.events import FIELDS
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.listening import trial_pairs
from musicgen.runs import api as runs_api
from musicgen.runs.api import Plan
from musicgen.search import api
from musicgen.search.api import get_study, list_studies
from musicgen.storage import database

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


def test_a_search_by_ear_starts_on_the_train_page() -> None:
    song = add_song("A tune", tune())
    with nobody_works():
        app = visit("train", song=song)
        app.segmented_control(key="search_led_by").set_value("ear").run()
        assert "Each trial makes a piece." in said(app)
        assert any("--trials 30 --minutes 20 --by-ear" in text for text in code_blocks(app))
        app.button(key="search_start").click().run()
    assert is_clean(app)
    (study,) = list_studies()
    assert study.by_ear
    assert app.title[0].value == "Good settings"


def by_ear(study_id: str, *, pieces: int) -> None:
    """Make it a search by ear, whose first trials have a piece."""
    row = database.one(sa.select(database.studies).where(database.studies.c.id == study_id))
    assert row is not None
    chosen = database.studies.c.id == study_id
    database.change(sa.update(database.studies).where(chosen).values(request={**row["request"], "by_ear": True}))
    for each in get_study(study_id).trials[:pieces]:
        facts = {**each.facts, "piece": add_output(each.run_id, tune())}
        database.change(sa.update(database.trials).where(database.trials.c.id == each.id).values(facts=facts))


def test_two_pieces_are_compared_by_ear(monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = add_study([add_song("A tune", tune())], state="searching", reason="The search waits for your ears.")
    by_ear(study_id, pieces=3)
    sound = wav_bytes(Waveform(np.zeros((1, 8000), np.float32), 8000))
    monkeypatch.setattr(trial_pairs, "pair_sounds", lambda _pair: {"a": sound, "b": sound})
    with nobody_works():
        app = visit("study", study=study_id)
        for _ in range(20):
            if app.get("audio"):
                break
            app.run()
        assert is_clean(app)
        words = said(app)
        assert "Which sounds better?" in words
        assert "So far: 0 comparisons." in words
        assert "What you like leads the search." in words
        assert not any(each.key == "versus_make" for each in app.button), "nobody hears a piece by its name before"
        chosen = {each.key: each.label for each in app.button if str(each.key).startswith("by_ear_")}
        assert chosen == {
            "by_ear_a.0-1": "A is better",
            "by_ear_b.0-1": "B is better",
            "by_ear_same.0-1": "No difference",
        }
        app.button(key="by_ear_a.0-1").click().run()
        (judged,) = get_study(study_id).judgements
        pair = trial_pairs.TrialPair(study_id, 0, 1, ("", ""), Path())
        assert (judged.one, judged.other) == (0, 1)
        assert judged.better == ("one" if pair.first_is_a else "other")
        for _ in range(20):
            if any(str(each.key).startswith("by_ear_same") for each in app.button):
                break
            app.run()
        words = said(app)
        assert "is liked best so far: it sounded better in 1 of 1 comparison." in words
        rows = [line for line in words.splitlines() if line.startswith("| ")]
        winner = "The preset" if judged.better == "one" else "Trial 1"
        assert rows[1].startswith(f"| {winner} | Finished | +0.3 (1) |"), "the best liked first"
        assert any(str(each.key) == f"by_ear_same.{0 if judged.better == 'one' else 1}-2" for each in app.button)
        assert is_clean(app)


def test_after_a_search_by_ear_pieces_have_names_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = add_study([add_song("A tune", tune())], state="finished")
    by_ear(study_id, pieces=3)
    sound = wav_bytes(Waveform(np.zeros((1, 8000), np.float32), 8000))
    monkeypatch.setattr(trial_pairs, "pair_sounds", lambda _pair: {"a": sound, "b": sound})
    with nobody_works():
        app = visit("study", study=study_id)
        assert not any(each.key == "versus_make" for each in app.button)
        app.toggle(key="study_by_name").set_value(True).run()
        assert any(each.key == "versus_make" for each in app.button)
        for one, other in ((0, 1), (0, 2), (1, 2)):
            api.judge(study_id, one, other, "same")
        app = visit("study", study=study_id)
    assert is_clean(app)
    assert "You have compared all the pieces so far." in said(app)
    assert any(each.key == "versus_make" for each in app.button), "nothing is left to compare"


def test_a_search_by_ear_says_what_it_waits_for() -> None:
    study_id = add_study([add_song("A tune", tune())], state="searching")
    by_ear(study_id, pieces=1)
    with nobody_works():
        app = visit("study", study=study_id)
    assert is_clean(app)
    assert "As soon as two trials have made a piece, you can compare them here." in said(app)
