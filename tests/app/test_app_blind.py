"""The page “Which one is real?” through the entry point: from the choice to the result, and nothing that leaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_work import (
    NASTY,
    add_output,
    add_run,
    add_song,
    is_clean,
    markup,
    players,
    said,
    tone,
    tune,
    until,
    visit,
)
from streamlit.testing.v1 import AppTest
from test_app_places import places

from musicgen.audio.waveform import Waveform
from musicgen.listening.material import BlindOrder
from musicgen.listening.records import answer, get_test, give_up, list_tests, start_test
from musicgen.runs.api import get_output
from musicgen.songs.library import get_song
from pages.blind import round_view

pytestmark = pytest.mark.usefixtures("home")


def noise(seconds: float, seed: int) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * 8000)))
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), 8000)


@pytest.fixture
def output() -> str:
    song = add_song("The original song", noise(40, 1))
    return add_output(add_run([song], name="The run"), noise(40, 2), name="The piece")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers count at once; the page itself ignores a second press within 0.4 s."""
    monkeypatch.setattr(round_view, "SLIP_SECONDS", 0.0)


def begun(output_id: str, **more: Any) -> str:
    return start_test(BlindOrder(output_id, **{"n_rounds": 10, "seconds": 1.0, **more}))


def finish(test_id: str, n_right: int) -> None:
    for number, one in enumerate(get_test(test_id).sealed["rounds"], 1):
        wrong = "b" if one["right"] == "a" else "a"
        answer(test_id, number, one["right"] if number <= n_right else wrong)


def messages(app: AppTest) -> Iterator[bytes]:
    """What the server sends for everything on the page."""

    def walk(node: Any) -> Iterator[Any]:
        if (proto := getattr(node, "proto", None)) is not None:
            yield proto
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    for proto in walk(app._tree):
        yield proto.SerializeToString()


def test_without_outputs_the_page_says_what_to_do() -> None:
    app = visit("blind")
    assert is_clean(app)
    assert "Nothing generated yet" in said(app)


def test_from_the_start_to_the_result(output: str, quick: None) -> None:
    app = visit("blind", generated=output)
    assert is_clean(app)
    app.slider(key="blind_rounds").set_value(10)
    app.slider(key="blind_seconds").set_value(1.5).run()
    app.button(key="blind_start").click().run()
    until(app, lambda app: "Round 1 of 10" in str([each.proto for each in app.get("progress")]))
    (test,) = list_tests(output)
    assert dict(app.query_params) == {"test": test.id}
    assert test.facts["seconds"] == 1.5
    for number in range(1, 11):
        assert is_clean(app)
        assert len(app.get("audio")) == 2
        app.button(key=f"blind_choose_a.{number}").click().run()
    assert is_clean(app)
    test = get_test(test.id)
    assert test.answers == ("a",) * 10
    assert f"{test.n_right} of 10 right" in said(app)
    assert f"Taken for real in {10 - test.n_right} of 10 rounds" in said(app)
    (told,) = players(app)  # a round to hear again: its two pieces, each from its excerpt on
    assert told["window"] == pytest.approx([0.0, 1.5])
    sides = test.unsealed()[0]["sides"]
    starts = [sides[place]["start_seconds"] for place in "ab"]
    assert [-lane["shift"] for lane in told["lanes"]] == pytest.approx(starts)
    app.selectbox(key="blind_hear").set_value(7).run()
    assert is_clean(app)
    app.button(key="blind_delete").click().run()
    assert is_clean(app)
    assert list_tests() == []


def test_nothing_in_a_round_tells_which_is_which(output: str, quick: None) -> None:
    """Neither ids, names nor hashes of either side are in what the server sends, and both sounds look alike."""
    (song,) = get_output(output).sidecar["songs"]
    facts = [get_output(output).clip.facts, get_song(song["id"]).clip.facts]
    telling = [output, song["id"], "The piece", "The original song", "The run", *(each["sha256"] for each in facts)]
    test_id = begun(output)
    app = visit("blind", test=test_id)
    seen = []
    for number in range(1, 11):
        sent = list(messages(app))
        assert len(sent) > 5
        for text in telling:
            assert not [each for each in sent if text.encode() in each], text
        one, other = (each.proto for each in app.get("audio"))
        seen += [one.url, other.url]
        one.url = other.url = one.id = other.id = ""
        assert one.SerializeToString() == other.SerializeToString(), "the players differ in more than their address"
        app.button(key=f"blind_choose_b.{number}").click().run()
    assert len(set(seen)) == 20
    assert "The original song" in str(list(messages(app)))  # now it is told: the search above can find something


def test_a_test_goes_on_after_a_reload_and_a_link_is_enough(output: str, quick: None) -> None:
    test_id = begun(output)
    app = visit("blind", test=test_id)
    app.button(key="blind_choose_a.1").click().run()
    again = visit("blind", test=test_id)
    assert again.button(key="blind_choose_b.2")
    listed = visit("blind", generated=output)
    assert "1 of 10 rounds answered" in said(listed)


def test_a_second_press_is_not_an_answer_to_the_next_round(output: str) -> None:
    test_id = begun(output)
    app = visit("blind", test=test_id)
    time.sleep(round_view.SLIP_SECONDS + 0.1)
    app.button(key="blind_choose_a.1").click().run()
    app.button(key="blind_choose_a.2").click().run()
    assert get_test(test_id).answers == ("a",)
    time.sleep(round_view.SLIP_SECONDS + 0.1)
    app.button(key="blind_choose_b.2").click().run()
    assert get_test(test_id).answers == ("a", "b")


def test_a_test_whose_files_are_gone_can_be_given_up(output: str, home: Path) -> None:
    app = visit("blind", test=begun(output))
    for path in home.glob("outputs/*/listening/*/*.wav"):
        path.unlink()
    app.run()
    assert is_clean(app)
    assert "Give this test up" in said(app)
    assert not app.get("audio")
    assert app.button(key="blind_choose_a.1").disabled
    app.button(key="blind_give_up").click().run()
    assert "Given up after 0 of 10 rounds" in said(app)


def test_giving_up_is_told_and_does_not_count(output: str, quick: None) -> None:
    app = visit("blind", test=begun(output))
    app.button(key="blind_choose_a.1").click().run()
    app.button(key="blind_give_up").click().run()
    assert is_clean(app)
    assert "Given up after 1 of 10 rounds" in said(app)
    assert "does not count" in said(app)
    assert "Taken for real" not in said(visit("generate", run=get_output(output).run_id))


def test_a_test_that_ended_in_another_tab(output: str, quick: None) -> None:
    test_id = begun(output)
    app = visit("blind", test=test_id)
    give_up(test_id)
    app.button(key="blind_choose_a.1").click().run()
    assert is_clean(app)
    assert "Given up after 0 of 10 rounds" in said(app)


def test_the_confusion_rate_is_on_the_card_and_on_the_compare_page(output: str) -> None:
    finish(begun(output), 6)
    run = get_output(output).run_id
    words = "Taken for real in 4 of 10 rounds (40 %; 95 % interval 12 to 74 %)"
    for page, query in (
        ("generate", {"run": run}),
        ("compare", {"generated": output}),
        ("blind", {"generated": output}),
    ):
        app = visit(page, **query)
        assert is_clean(app), page
        assert words in said(app), page


def test_abx(output: str, quick: None) -> None:
    other = add_output(get_output(output).run_id, noise(40, 3), name="The sibling")
    app = visit("blind", generated=output)
    app.button_group(key="blind_kind").set_value("abx").run()
    assert app.selectbox(key="blind_other").value == other
    test_id = begun(output, kind="abx", other_id=other)
    app = visit("blind", test=test_id)
    assert len(app.get("audio")) == 3
    finish(test_id, 10)
    app.run()
    assert is_clean(app)
    assert "The two outputs could be told apart" in said(app)
    assert "ABX with “The piece”: 10 of 10 right" in said(visit("blind", generated=other))


def test_an_error_leaves_the_choice_as_it_was() -> None:
    short = add_output(add_run([add_song("The original", noise(40, 1))]), tone(2))
    app = visit("blind", generated=short)
    app.button(key="blind_start").click().run()
    until(app, lambda app: "must fit into the audible part" in said(app))
    assert is_clean(app)
    assert app.selectbox(key="blind_output").value == short


def test_fields_stay_where_they_are_while_a_test_is_made_and_fails() -> None:
    short = add_output(add_run([add_song("The original", noise(40, 1))]), tone(2))
    app = visit("blind", generated=short)
    before = places(app)
    app.button(key="blind_start").click().run()
    until(app, lambda app: "must fit into the audible part" in said(app))
    after = places(app)
    fields = ("blind_output", "blind_kind", "blind_song", "blind_rounds", "blind_seconds", "blind_start")
    assert {field: after[field] for field in fields} == {field: before[field] for field in fields}


def test_notes_have_their_own_sound(quick: None) -> None:
    song = add_song("A tune", tune(200))
    test_id = begun(add_output(add_run([song], approach="note_lstm"), tune(200, seed=1)))
    app = visit("blind", test=test_id)
    assert is_clean(app)
    assert len(app.get("audio")) == 2


@pytest.mark.parametrize("value", ["test-000000000000", "../../etc/passwd", "<script>", ""])
def test_strange_addresses_do_no_harm(value: str, output: str) -> None:
    app = visit("blind", test=value)
    assert is_clean(app)
    assert app.selectbox(key="blind_output").value == output


def test_names_are_data() -> None:
    song = add_song(NASTY, noise(40, 1))
    output = add_output(add_run([song], name=NASTY), noise(40, 2), name=NASTY)
    test_id = begun(output)
    finish(test_id, 5)
    for query in ({"generated": output}, {"test": test_id}):
        app = visit("blind", **query)
        assert is_clean(app)
        assert markup(app) == ""
