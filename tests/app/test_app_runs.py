"""The Runs page through the entry point: the list, the chosen run, what its loss means, the actions on it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from stored_work import (
    NASTY,
    add_output,
    add_run,
    add_song,
    code_blocks,
    is_clean,
    lanes,
    markup,
    nobody_works,
    said,
    tone,
    visit,
)

from musicgen.runs.api import delete_run, get_run, list_runs
from musicgen.runs.folders import WORKER_LOCK, run_folder
from musicgen.runs.locks import FileLock
from musicgen.storage import database

pytestmark = pytest.mark.usefixtures("home")


def test_without_runs_the_page_says_what_to_do() -> None:
    app = visit("runs")
    assert is_clean(app)
    assert "No run yet" in said(app)


def test_a_finished_run_shows_what_its_loss_means() -> None:
    run = add_run([add_song("The original", tone(2))], name="First try")
    app = visit("runs", run=run)
    assert is_clean(app)
    words = said(app)
    assert "First try" in words
    assert "Best validation loss: 1.1 in epoch 4" in words
    assert "Below the floor “linear predictor” (2.5)" in words
    assert "12,345" in words
    assert "The original" in words
    assert "line 30 of the log" in words
    assert not app.get("plotly_chart"), "its library keeps a browser busy for seconds"
    assert any("Loss by epoch, from" in element.proto.json for element in app.get("bidi_component"))
    app.toggle(key="run_loss_zoom").set_value(True).run()
    assert len(app.get("plotly_chart")) == 1
    assert is_clean(app)


def test_a_failed_run_says_why_and_what_to_do_with_the_end_of_its_log() -> None:
    run = add_run([add_song("s", tone(2))], state="failed", epochs=2, reason="The loss became NaN.", advice="Lower it.")
    app = visit("runs", run=run)
    assert is_clean(app)
    assert [box.value.replace("\\", "") for box in app.error] == ["The loss became NaN."]
    assert any("Lower it." in box.value.replace("\\", "") for box in app.info)
    assert code_blocks(app)[0].splitlines()[-1] == "line 30 of the log"


def test_a_running_run_shows_its_progress_and_can_be_stopped() -> None:
    progress = {"phase": "training", "epoch": 3, "epochs": 10, "step": 120, "steps": 400, "seconds_left": 80.0}
    run = add_run([add_song("s", tone(2))], state="running", epochs=2, wanted=10, progress=progress)
    with nobody_works(), FileLock(run_folder(run) / WORKER_LOCK):
        app = visit("runs", run=run)
        assert is_clean(app)
        bar = app.get("progress")[0]
        assert bar.text.replace("\\", "") == "epoch 3 of 10 · step 120 of 400 · about 1 min 20 s left"
        assert bar.value == 23
        app.button(key="run_pause").click().run()
        assert get_run(run).is_stopping
        assert "pauses at the end of this epoch" in said(app)
        app.button(key="run_cancel").click().run()
        assert get_run(run).task.wish == "cancel"


def test_a_queued_run_says_how_many_are_ahead_and_can_be_cancelled() -> None:
    song = add_song("s", tone(2))
    with nobody_works():
        first, second = add_run([song], state="queued", epochs=0), add_run([song], state="queued", epochs=0)
        app = visit("runs", run=second)
        assert is_clean(app)
        assert app.get("progress")[0].text.startswith("waiting: 1 task ahead of it")
        app.button(key="run_cancel").click().run()
        assert get_run(second).state == "cancelled"
        assert get_run(first).state == "queued"


def test_a_cancelled_run_can_be_resumed() -> None:
    run = add_run([add_song("s", tone(2))], state="cancelled", epochs=2, wanted=6)
    with nobody_works():
        app = visit("runs", run=run)
        app.button(key="run_resume").click().run()
        assert is_clean(app)
        assert get_run(run).state == "queued"


def test_a_finished_run_can_be_trained_longer() -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        app = visit("runs", run=run)
        app.number_input(key="run_epochs").set_value(9).run()
        app.button(key="run_resume").click().run()
        assert is_clean(app)
        assert get_run(run).request["training"]["epochs"] == 9


def test_rename_and_delete() -> None:
    run = add_run([add_song("s", tone(2))])
    app = visit("runs", run=run)
    app.text_input(key=f"run_name.{run}").set_value("Better name").run()
    app.button(key="run_rename").click().run()
    assert get_run(run).name == "Better name"
    app.button(key="run_delete").click().run()
    assert is_clean(app)
    assert list_runs() == []
    assert "No run yet" in said(app)


def test_many_runs_are_searched_and_shown_a_page_at_a_time() -> None:
    song = add_song("s", tone(2))
    runs = [add_run([song], name=f"Run number {number}", epochs=1) for number in range(20)]
    app = visit("runs")
    assert is_clean(app)
    opens = [button for button in app.button if str(button.key).startswith("run_open.")]
    assert len(opens) == 8
    app.button(key="run_show_more").click().run()
    assert len([button for button in app.button if str(button.key).startswith("run_open.")]) == 16
    app.text_input(key="run_search").set_value("number 3").run()
    assert [b.key for b in app.button if str(b.key).startswith("run_open.")] == [f"run_open.{runs[3]}"]
    app.button(key=f"run_open.{runs[3]}").click().run()
    assert app.query_params["run"] == runs[3]


def test_a_link_to_a_run_that_is_gone_says_so_and_keeps_the_list() -> None:
    kept = add_run([add_song("s", tone(2))], name="Still here")
    app = visit("runs", run="run-000000000000")
    assert "No such run" in said(app)
    assert app.button(key=f"run_open.{kept}")


def test_the_outputs_of_a_run_are_shown_with_it() -> None:
    run = add_run([add_song("s", tone(2))])
    for number in range(3):
        add_output(run, tone(1, frequency=300 + number), name=f"Piece {number}")
    app = visit("runs", run=run)
    assert is_clean(app)
    assert len(lanes(app)) == 2
    assert "Piece 2" in said(app)


def test_names_are_data() -> None:
    run = add_run([add_song(NASTY, tone(1))], name=NASTY, state="failed", reason=f"About “{NASTY}”.", advice=NASTY)
    add_output(run, tone(1), name=NASTY)
    app = visit("runs", run=run)
    assert is_clean(app)
    assert markup(app) == ""


def test_an_archive_that_is_not_a_run_is_refused_with_a_sentence() -> None:
    add_run([add_song("s", tone(2))])
    app = visit("runs")
    app.file_uploader(key="run_import").upload("run.zip", b"PK\x05\x06" + bytes(18), "application/zip")
    app.button(key="run_import_start").click().run()
    assert is_clean(app)
    assert len(list_runs()) == 1
    assert len(app.error) == 1


def test_another_run_is_shown_after_one_was_deleted_elsewhere() -> None:
    song = add_song("s", tone(2))
    kept, gone = add_run([song], name="Kept"), add_run([song], name="Gone")
    app = visit("runs", run=gone)
    delete_run(gone)
    del app.query_params["run"]
    app.run()
    assert is_clean(app)
    assert app.query_params["run"] == kept
    assert not app.error


@pytest.mark.parametrize("field", ["songs", "training", "preset", "seed", "left_out"])
def test_a_record_with_an_empty_field_is_shown(field: str) -> None:
    """Records written by other versions may hold null where this one writes a list or an object."""
    run_id = add_run([add_song("A song", tone())])
    add_output(run_id, tone())
    request = {**get_run(run_id).request, field: None}
    database.change(sa.update(database.runs).where(database.runs.c.id == run_id).values(request=request))
    for page in ("runs", "generate", "compare"):
        app = visit(page, run=run_id)
        assert not app.exception, (page, field)
