"""Verdicts with a button for each remedy, on the Generate and the Compare page, through the entry point."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import (
    add_output,
    add_run,
    add_song,
    is_clean,
    nobody_works,
    said,
    tone,
    tune,
    visit,
)
from streamlit.testing.v1 import AppTest

from musicgen.comparison import comparison
from musicgen.contract.monitor import EpochRow
from musicgen.evaluation import audio
from musicgen.evaluation.degeneracy import verdicts
from musicgen.evaluation.verdict import MORE_SONGS, SLOWER, Verdict
from musicgen.runs.api import get_run, list_runs, list_tasks
from musicgen.runs.folders import HISTORY
from musicgen.runs.history import append_row, row_to_json

pytestmark = pytest.mark.usefixtures("home", "unmeasured")
NOTES = {
    "num_notes": 40, "longest_run": 12, "top_note_share": 0.6, "loop_share": 1.0, "note_density": 2.0,
    "pause_share": 0.0, "lowest_centre": 60.0, "highest_centre": 60.0, "copied_ngram_share_training": 0.0,
}  # fmt: skip
STUCK = [verdict.to_json() for verdict in verdicts("midi", NOTES)]
GREEDY = {"num_notes": 50, "temperature": 1.0, "greedy": True, "top_k": 0}


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card does not measure again what was judged when it was made."""

    def refuse(reference: str, generated: str, **more: Any) -> dict[str, Any]:
        return {"medium": "midi", "reference": {}, "generated": {}, "between": {}, "verdicts": []}

    monkeypatch.setattr(comparison, "comparison", refuse)


def made(found: list[dict[str, Any]], *, generation: dict[str, Any] | None = None, **run: Any) -> tuple[str, str]:
    """A run of note_lstm with one judged output: (run id, output id)."""
    run_id = add_run(
        [add_song("A tune", tune(300)), add_song("Another", tune(300, seed=1))], approach="note_lstm", **run
    )
    more = {
        "verdicts": found,
        "metrics": NOTES,
        "copied": {"text": "Nothing in it is copied from the 2 training songs."},
    }
    return run_id, add_output(run_id, tune(), generation=generation or GREEDY, **more)


def titles(app: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in app.button if str(button.key).startswith("remedy_")]


def test_a_verdict_brings_its_cause_its_evidence_and_buttons_with_numbers() -> None:
    run_id, output_id = made(STUCK)
    app = visit("generate", run=run_id)
    assert is_clean(app)
    assert app.warning[0].value.startswith("**Stuck.** The same note or chord comes 12 times in a row")
    assert "Longest run: 12; up to 8 is fine" in said(app)
    assert titles(app) == ["Generate again without “always the likeliest”", "Continue training to epoch 8"]
    assert [button.key for button in app.button if "remedy" in str(button.key)] == [
        f"remedy_0_{output_id}", f"remedy_1_{output_id}",
    ]  # fmt: skip


def test_where_notes_are_sampled_a_higher_temperature_is_offered() -> None:
    run_id, _ = made(STUCK, generation=GREEDY | {"greedy": False, "temperature": 0.8})
    assert titles(visit("generate", run=run_id))[0] == "Generate again at temperature 1"


def test_one_click_generates_again_with_the_changed_setting() -> None:
    run_id, output_id = made(STUCK)
    with nobody_works():
        app = visit("generate", run=run_id)
        app.button(key=f"remedy_0_{output_id}").click().run()
        assert is_clean(app)
        (task,) = list_tasks(run_id=run_id, kind="generate")
        assert task.request["generation"]["greedy"] is False
        assert task.request["generation"]["num_notes"] == 50
        assert task.request["seeds"] == [7]
        assert app.get("progress")[0].text.startswith("waiting")  # shown at once, where the piece will appear
        assert app.button(
            key=f"remedy_1_{output_id}"
        ).disabled  # it leads to another page: not while this page refreshes itself
        app.button(key=f"remedy_0_{output_id}").click().run()
        assert len(list_tasks(run_id=run_id, kind="generate")) == 1  # a double click starts one task


def test_one_click_continues_the_same_run() -> None:
    run_id, output_id = made(STUCK)
    with nobody_works():
        app = visit("generate", run=run_id)
        app.button(key=f"remedy_1_{output_id}").click().run()
        assert is_clean(app)
        run = get_run(run_id)
        assert (run.state, run.request["training"]["epochs"]) == ("queued", 8)
        assert "Watch a network learn" in said(app)


def test_more_epochs_are_not_offered_where_the_network_only_memorises(monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _ = made(STUCK, epochs=8)
    from musicgen.runs import records

    monkeypatch.setattr(records, "best_epoch", lambda history: 3)
    assert titles(visit("generate", run=run_id)) == ["Generate again without “always the likeliest”"]


def test_one_click_opens_the_train_page_with_the_changed_setting() -> None:
    slow = Verdict("x", "X", "longest_run", 9, 8, "It jumps.", (SLOWER, MORE_SONGS)).to_json()
    run_id, output_id = made([slow])
    add_song("Not of this run", tune(seed=5))
    before = get_run(run_id).request
    app = visit("generate", run=run_id)
    assert titles(app)[1] == "Add more songs"
    app.button(key=f"remedy_0_{output_id}").click().run()
    assert is_clean(app)
    assert app.selectbox(key="approach").value == "note_lstm"
    assert app.selectbox(key="preset").value == "quick"
    assert set(app.multiselect(key="songs.midi").value) == {song["id"] for song in before["songs"]}
    rate = before["training"]["learning_rate"]
    assert app.number_input(key="training.learning_rate").value == pytest.approx(0.3 * rate)
    assert app.number_input(key="training.epochs").value == before["training"]["epochs"]  # not the preset's
    assert app.number_input(key="train_seed").value == 3
    with nobody_works():
        app.switch_page("pages/workflow/train.py").run()  # a browser goes there by itself; a test has to follow
        app.button(key="train_start").click().run()
    newest = list_runs()[0]
    assert newest.request["training"] == before["training"] | {"learning_rate": pytest.approx(0.3 * rate)}


def test_one_click_opens_the_songs() -> None:
    found = [Verdict("copied", "Copied", "copied_ngram_share_training", 1, 0.5, "It recites.", (MORE_SONGS,)).to_json()]
    run_id, output_id = made(found)
    app = visit("generate", run=run_id)
    app.button(key=f"remedy_0_{output_id}").click().run()
    assert is_clean(app)
    assert app.title[0].value == "Songs"


def test_a_piece_without_faults_says_so_with_its_measurements() -> None:
    run_id, _ = made([])
    app = visit("generate", run=run_id)
    assert is_clean(app)
    assert "Checked: not stuck, not looping, not a copy." in said(app)
    assert titles(app) == []
    assert "Longest run" in said(app)
    assert "Nothing in it is copied from the 2 training songs." in said(app)


def test_audio_is_judged_as_audio() -> None:
    run_id = add_run([add_song("A tone", tone(3))])
    metrics = audio.describe(tone(3))
    add_output(run_id, tone(2), generation={"mode": "free", "temperature": 1.0}, verdicts=[], metrics=metrics)
    app = visit("generate", run=run_id)
    assert "Checked: not silent, not clipped, not looping." in said(app)
    assert "Crest factor" in said(app)


def test_the_compare_page_offers_the_same_and_leads_to_the_result() -> None:
    run_id, output_id = made(STUCK)
    with nobody_works():
        app = visit("compare", generated=output_id)
        assert is_clean(app)
        assert app.warning[0].value.startswith("**Stuck.**")
        assert titles(app) == ["Generate again without “always the likeliest”", "Continue training to epoch 8"]
        app.button(key=f"remedy_0_{output_id}").click().run()
        assert is_clean(app)
        assert app.title[0].value == "Generate"
        assert len(list_tasks(run_id=run_id, kind="generate")) == 1


def test_the_runs_page_gives_advice_in_words() -> None:
    run_id, _ = made(STUCK)
    app = visit("runs", run=run_id)
    assert is_clean(app)
    assert titles(app) == []
    assert "Sample at random" in app.warning[0].value


@pytest.mark.parametrize(("losses", "offered"), [((8.41, 8.40, 8.41, 8.40), "higher"), ((9.0, 8.0, 7.5, 7.2), "lower")])
def test_a_loss_that_has_not_moved_asks_for_larger_steps(losses: tuple[float, ...], offered: str) -> None:
    run_id = add_run([add_song("A song", tone(3))], approach="amplitude_lstm")
    history = get_run(run_id).folder / HISTORY
    history.unlink()
    for number, loss in enumerate(losses, 1):
        append_row(history, row_to_json(EpochRow(number, loss, loss, 1.0, 0.003)))
    verdict = Verdict("clipped", "Clipped", "clipping_share", 0.5, 0.001, "Much of it is at full scale.", (SLOWER,))
    add_output(run_id, tone(2), verdicts=[verdict.to_json()], metrics={}, copied={"text": ""})
    app = visit("generate", run=run_id)
    rate = get_run(run_id).request["training"]["learning_rate"]
    (title,) = [each for each in titles(app) if "learning rate" in each]
    assert (float(title.split("learning rate ")[1]) > rate) == (offered == "higher")
