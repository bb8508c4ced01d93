"""The Generate page through the entry point: network, settings, outputs."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import NASTY, add_output, add_run, add_song, is_clean, lanes, markup, nobody_works, said, tone, visit

from musicgen.comparison import comparison
from musicgen.runs.api import get_task, list_outputs, list_tasks

pytestmark = pytest.mark.usefixtures("home", "measured")
LOOPING = {"title": "Looping", "cause": "The same 0.50 s repeat.", "remedies": []}
LOOPING["remedies"] = [{"text": "Look back.", "action": "train", "factors": {"look_back": 4.0}}]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Immediate comparisons instead of a child process; what they find."""
    found: dict[str, list[Any]] = {"verdicts": []}
    monkeypatch.setattr(comparison, "comparison", lambda reference, generated, **more: found)
    return found


def test_without_a_trained_network_the_page_says_what_to_do() -> None:
    app = visit("generate")
    assert is_clean(app)
    assert "No trained network yet" in said(app)


def test_a_generation_starts_with_the_values_of_the_form() -> None:
    song = add_song("The original", tone(2))
    run = add_run([song])
    with nobody_works():
        app = visit("generate", run=run)
        assert is_clean(app)
        app.selectbox(key="generation.mode").set_value("free").run()
        app.number_input(key="generation.temperature").set_value(0.5).run()
        app.number_input(key="generate_count").set_value(3).run()
        app.number_input(key="generate_seed").set_value(11).run()
        assert f"generate {run} --preset quick --seed 11 --prompt {song} --count 3 --set temperature=0.5" in said(app)
        app.button(key="generate_start").click().run()
        assert is_clean(app)
        (task,) = list_tasks(kind="generate")
    assert task.request["seeds"] == [11, 12, 13]
    assert task.request["generation"]["temperature"] == 0.5
    assert task.request["prompt"]["id"] == song
    assert app.get("progress")[0].text.startswith("waiting")


def test_the_same_click_twice_is_one_task() -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        app = visit("generate", run=run)
        app.button(key="generate_start").click().run()
        app.button(key="generate_start").click().run()
        assert len(list_tasks(kind="generate")) == 1
        app.number_input(key="generate_seed").set_value(5).run()
        app.button(key="generate_start").click().run()
        assert len(list_tasks(kind="generate")) == 2


def test_a_waiting_generation_can_be_cancelled() -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        app = visit("generate", run=run)
        app.button(key="generate_start").click().run()
        (task,) = list_tasks(kind="generate")
        app.button(key="generate_cancel").click().run()
        assert get_task(task.id).state == "cancelled"
        app.run()
        assert "Cancelled" in said(app)


def test_outputs_are_cards_with_every_download() -> None:
    run = add_run([add_song("s", tone(2))])
    add_output(run, tone(1), name="Older")
    newest = add_output(run, tone(1, frequency=400), name="Newest")
    app = visit("generate", run=run)
    assert is_clean(app)
    assert len(lanes(app)) == 2
    assert "Newest" in said(app)
    for name in ("wav", "mp3", "flac", "json"):
        assert [b for b in app.get("download_button") if b.key == f"download_{name}"]
    assert f"generated={newest}" in " ".join(link.proto.query_string for link in app.get("page_link"))


def test_the_card_of_a_piece_shows_what_is_wrong_with_it(measured: dict[str, list[Any]]) -> None:
    run = add_run([add_song("s", tone(2))])
    add_output(run, tone(1))
    assert "Checked: not silent" in said(visit("generate", run=run))
    measured["verdicts"].append(LOOPING)
    looping = add_output(run, tone(1, frequency=500))
    app = visit("generate", run=run)
    assert "Looping" in app.warning[0].value
    assert app.button(key=f"remedy_0_{looping}").label.startswith("Train again with look back ")


def test_a_piece_made_again_says_whether_it_is_the_same() -> None:
    run = add_run([add_song("s", tone(2))])
    add_output(run, tone(1), regenerates={"id": "output-000000000000"}, is_same_as_original=True)
    assert "bit for bit" in said(visit("generate", run=run))
    changed = {"processor": ["Old processor, avx2", "New processor, avx512f"]}
    again = {"regenerates": {"id": "output-000000000000"}, "is_same_as_original": False}
    add_output(run, tone(1), **again, made_with_other=changed)
    assert "processor was Old processor, avx2 and is now New processor, avx512f" in said(visit("generate", run=run))
    add_output(run, tone(1), **again)
    assert "Not the same as the first time." in said(visit("generate", run=run))


def test_an_output_can_be_deleted() -> None:
    run = add_run([add_song("s", tone(2))])
    add_output(run, tone(1))
    app = visit("generate", run=run)
    app.button(key="output_delete").click().run()
    assert is_clean(app)
    assert list_outputs() == []


def test_generating_again_without_the_weights_is_refused_with_a_sentence() -> None:
    run = add_run([add_song("s", tone(2))])
    add_output(run, tone(1))
    app = visit("generate", run=run)
    app.button(key="output_again").click().run()
    assert is_clean(app)
    assert "no longer kept" in app.error[0].value


def test_a_value_that_breaks_a_rule_disables_the_start_with_a_sentence() -> None:
    run = add_run([add_song("s", tone(2))])
    app = visit("generate", run=run)
    app.number_input(key="generation.seconds").set_value(0.0).run()
    assert app.button(key="generate_start").disabled
    assert "Length \\(s\\) must be greater than 0" in app.error[0].value


def test_many_outputs_are_shown_a_few_at_a_time() -> None:
    run = add_run([add_song("s", tone(2))])
    for number in range(6):
        add_output(run, tone(0.6, frequency=300 + number))
    app = visit("generate", run=run)
    assert len(lanes(app)) == 4
    app.button(key="output_show_more").click().run()
    assert len(lanes(app)) == 6


def test_names_are_data() -> None:
    run = add_run([add_song(NASTY, tone(1))], name=NASTY)
    add_output(run, tone(1), name=NASTY)
    app = visit("generate", run=run)
    assert is_clean(app)
    assert markup(app) == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("generate_count", 17, "Number of pieces must be between 1 and 16. Received: 17."),
        ("generate_seed", None, "Seed needs a number: between 0 and 2,147,483,647."),
        ("generation.temperature", 99.0, "Temperature must be between"),
    ],
)
def test_a_number_out_of_range_stops_the_generation(field: str, value: float | None, words: str) -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        app = visit("generate", run=run)
        app.selectbox(key="generation.mode").set_value("free").run()
        app.number_input(key=field).set_value(value)
        app.button(key="generate_start").click().run()
        assert is_clean(app)
        assert words in said(app)
        assert app.button(key="generate_start").disabled
        assert not list_tasks(kind="generate")


def test_an_unchanged_seed_would_make_the_same_and_the_next_one_is_offered() -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        app = visit("generate", run=run)
        app.selectbox(key="generation.mode").set_value("free").run()
        app.number_input(key="generate_count").set_value(2).run()
        assert "the same" not in " ".join(each.value for each in app.info)
        app.button(key="generate_start").click().run()
        assert "would make the same pieces again" in app.info[0].value
        assert app.button(key="generate_next_seed").label == "Use the next seed, 2"
        app.button(key="generate_next_seed").click().run()
        assert app.number_input(key="generate_seed").value == 2
        assert not app.info
        app.number_input(key="generate_seed").set_value(0).run()
        app.number_input(key="generation.temperature").set_value(0.5).run()
        assert not app.info, "another setting makes another piece"


def test_a_piece_that_was_made_by_other_weights_is_not_the_same() -> None:
    run = add_run([add_song("s", tone(2))], epochs=4)
    app = visit("generate", run=run)
    with nobody_works():
        app.button(key="generate_start").click().run()
        (task,) = list_tasks(kind="generate")
    kept = {"generation": task.request["generation"], "prompt": task.request["prompt"], "seed": 7}
    app.button(key="generate_cancel").click().run()
    for epoch, is_same in ((3, False), (4, True)):
        add_output(run, tone(1), **kept, checkpoint={"epoch": epoch, "chosen": "best"}, verdicts=[], metrics={})
        app.number_input(key="generate_seed").set_value(7).run()
        assert any("would make the same piece again" in each.value for each in app.info) == is_same
