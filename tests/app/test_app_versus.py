"""The page that compares runs, and the time-lapse of one run, through the entry point."""

from __future__ import annotations

import pytest
from stored_work import add_output, add_run, add_song, is_clean, nobody_works, said, tone, tune, visit

from musicgen.runs.api import list_tasks

pytestmark = pytest.mark.usefixtures("home")


def two_runs() -> tuple[str, str]:
    song = add_song("A tune", tune(100))
    return (
        add_run([song], approach="note_lstm", name="First", wanted=4),
        add_run([song], approach="note_lstm", name="Second", wanted=9, seed=8),
    )


def test_without_runs_the_page_says_what_to_do() -> None:
    app = visit("versus")
    assert is_clean(app)
    assert "No run yet" in said(app)


def test_only_what_differs_is_shown_and_the_address_names_the_runs() -> None:
    first, second = two_runs()
    app = visit("versus", runs=f"{first},{second}")
    assert is_clean(app)
    words = said(app)
    assert "Epochs" in words
    assert "Seed" in words
    assert "Batch size" not in words
    assert "Best loss" in words
    assert app.multiselect(key="versus_runs").value == [first, second]
    assert app.query_params["runs"] in (f"{first},{second}", [f"{first},{second}"])


def test_one_run_is_not_compared() -> None:
    first, _ = two_runs()
    app = visit("versus", runs=first)
    assert is_clean(app)
    assert "Choose at least two runs" in said(app)


def test_a_deleted_run_in_the_address_is_left_out() -> None:
    first, second = two_runs()
    app = visit("versus", runs=f"run-000000000000,{first},<b>,{second}")
    assert is_clean(app)
    assert app.multiselect(key="versus_runs").value == [first, second]


def test_pieces_of_the_same_seed_are_offered_together_and_missing_ones_are_made() -> None:
    first, second = two_runs()
    app = visit("versus", runs=f"{first},{second}")
    assert "no pieces with the same seed" in said(app)
    generation = {"temperature": 0.9}
    for run in (first, second):
        add_output(run, tune(40), generation=generation, seed=5)
    app = visit("versus", runs=f"{first},{second}")
    assert is_clean(app)
    assert "no pieces with the same seed" not in said(app)
    with nobody_works():
        app.button(key="versus_make").click().run()
        assert is_clean(app)
        tasks = list_tasks(kind="generate")
        assert sorted(task.run_id for task in tasks) == sorted([first, second])
        assert {tuple(task.request["seeds"]) for task in tasks} == {(6,)}


def test_parallel_coordinates_need_runs_that_differ() -> None:
    two_runs()
    app = visit("versus")
    app.toggle(key="versus_parallel").set_value(True).run()
    assert is_clean(app)
    assert app.selectbox(key="versus_approach").value == "note_lstm"


def test_losses_in_other_units_are_not_compared_in_silence() -> None:
    first, _ = two_runs()
    other = add_run([add_song("A sound", tone(3))], approach="amplitude_lstm", name="Sound")
    app = visit("versus", runs=f"{first},{other}")
    assert is_clean(app)
    assert "different units" in said(app)


def test_the_time_lapse_is_ordered_once_for_all_checkpoints() -> None:
    run = add_run([add_song("A tune", tune(100))], approach="note_lstm")
    with nobody_works():
        app = visit("runs", run=run)
        assert is_clean(app)
        app.button(key="lapse_make").click().run()
        assert is_clean(app)
        (task,) = list_tasks(run_id=run, kind="generate")
    assert task.request["checkpoint"] == "all"
    assert len(task.request["checkpoints"]) > 1
    assert task.request["wanted"] == list(range(len(task.request["checkpoints"])))
