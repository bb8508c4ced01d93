"""Home, Approaches and System: what there is, and what to do next."""

from __future__ import annotations

from concurrent.futures import Future
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest
from stored_work import add_run, add_song, tone
from streamlit.testing.v1 import AppTest

from musicgen.approaches import approaches
from musicgen.runs import api, following, ready_list
from musicgen.runs.ready_list import Ready
from pages.approaches import preset_times
from pages.home import sample_run
from pages.ui.text import WORD_JOINER
from tests.app.test_app_navigation import open_app
from tests.app.test_app_songs import midi, shown_text, songs_page, upload

AMPLITUDE = approaches()["amplitude_lstm"]


def test_home_sends_a_newcomer_to_the_songs(home: Path) -> None:
    at = open_app().run()
    assert not at.exception
    assert at.button(key="next_step").label == "Add your first song"
    at.button(key="next_step").click().run()
    assert at.title[0].value == "Songs"


def test_home_counts_and_moves_on(home: Path) -> None:
    upload(songs_page(), ("scale.mid", midi()))
    at = open_app().run()
    assert "**1 song (0 audio, 1 MIDI)**" in [element.value for element in at.markdown]
    assert at.button(key="next_step").label == "Train your first network"
    at.button(key="step_songs").click().run()
    assert at.title[0].value == "Songs"


def approaches_page(**query: str) -> AppTest:
    at = open_app().run()
    for name, value in query.items():
        at.query_params[name] = value
    return at.switch_page("pages/overview/approaches.py").run()


def drawn(at: AppTest) -> str:
    """The drawings that are HTML, without the style."""
    return " ".join(unescape(element.proto.body) for element in at.get("html") if "<div" in element.proto.body)


def test_the_first_look_shows_every_approach_in_a_card(home: Path) -> None:
    at = approaches_page()
    assert not at.exception
    cards = " ".join(element.value for element in at.markdown).replace("\\", "")
    for key, approach in approaches().items():
        assert f"**{approach.title}**" in cards
        assert at.button(key=f"approach_open.{key}")
    assert drawn(at).count("network-strip") == sum(bool(each.layers(each.Training())) for each in approaches().values())


@pytest.mark.parametrize("key", sorted(approaches()))
def test_an_approach_is_described_with_its_network_and_every_setting(key: str, home: Path) -> None:
    at, approach = approaches_page(approach=key), approaches()[key]
    assert not at.exception
    assert [element.value for element in at.header] == [approach.title]
    text = shown_text(at)
    for model in (approach.Training, approach.Generation):
        assert all(f"| {name} |" in text for name in model.model_fields)
    assert all(f"**{name}**: {preset.summary}" in text for name, preset in approach.presets.items())
    for words in (approach.can_learn, approach.cannot_learn, approach.reference):
        assert words in text.replace(WORD_JOINER, "")
    for preset in approach.presets:
        at.button_group(key=f"approach_preset.{key}").set_value(preset).run()
        assert not at.exception
        training = approach.Training(**approach.presets[preset].training)
        assert all(layer.name in drawn(at) for layer in approach.layers(training)), preset
        field = approach.receptive_field(training)
        assert field is None or f"The receptive field is {field.steps:,} {field.unit}" in shown_text(at)


def test_a_card_opens_its_approach_and_the_address_follows(home: Path) -> None:
    at, last = approaches_page(), sorted(approaches())[-1]
    at.button(key=f"approach_open.{last}").click().run()
    assert at.header[0].value == approaches()[last].title
    assert at.query_params["approach"] in (last, [last])
    assert at.button(key=f"approach_open.{last}").disabled
    first = sorted(approaches())[0]
    at.selectbox(key="approach_shown").set_value(first).run()
    assert at.header[0].value == approaches()[first].title
    assert at.query_params["approach"] in (first, [first])


def test_the_page_says_how_long_a_preset_took_here(home: Path) -> None:
    song = add_song("A song", tone(1))
    add_run([song], wanted=AMPLITUDE.Training(**AMPLITUDE.presets["quick"].training).epochs)
    add_run([song], wanted=3)  # no longer the preset
    assert preset_times.times_here() == {("amplitude_lstm", "quick"): pytest.approx(60, abs=1)}
    assert "1 min on this machine" in shown_text(approaches_page(approach="amplitude_lstm"))
    assert preset_times.time_words({}, "amplitude_lstm", "quick") == "about a minute"
    own_words = approaches()["audio_wavenet"].presets["quick"].takes
    assert own_words
    assert preset_times.time_words({}, "audio_wavenet", "quick") == own_words


@pytest.mark.parametrize("key", sorted(approaches()))
def test_an_approach_can_be_taken_to_the_training(key: str, home: Path) -> None:
    upload(songs_page(), ("scale.mid", midi()))
    at = approaches_page(approach=key)
    at.button(key=f"approach_train.{key}").click().run()
    assert not at.exception
    assert at.title[0].value == "Train"
    assert at.selectbox(key="approach").value == key


def test_system_shows_checks_settings_and_what_the_server_holds(home: Path) -> None:
    at = open_app().run()
    at.switch_page("pages/overview/system.py").run(timeout=120)
    assert not at.exception
    shown = [element.value for element in at.text]
    assert "Python" in shown
    assert "Devices for training" in shown
    assert str(home) in shown
    assert "Heavy libraries loaded" in [element.value for element in at.caption]
    table = shown_text(at)
    assert "MUSICGEN_MAX_UPLOAD_MB" in table
    assert "None: MUSICGEN_WARM_MINUTES is 0." in shown


def test_system_shows_the_processes_that_are_kept_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [Ready(12345, "any training or generation", 700_000_000), Ready(12346, "generations of “Rag”", None)]
    monkeypatch.setattr(ready_list, "ready_processes", lambda: waiting)
    at = open_app().run()
    at.switch_page("pages/overview/system.py").run(timeout=120)
    assert not at.exception
    table = shown_text(at)
    for told in ("any training or generation", "12345", "700 MB", "generations of “Rag”", "unknown"):
        assert told in table


def test_the_steps_lead_on(home: Path) -> None:
    at = open_app().run()
    for name, title in (("songs", "Songs"), ("train", "Train"), ("runs", "Runs"), ("generate", "Generate")):
        opened = open_app().run().button(key=f"step_{name}").click().run()
        assert opened.title[0].value == title
    assert at.button(key="sample_run").label == "Try it with a sample"


def test_the_first_piece_is_played_as_soon_as_it_sounds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is checked; and meanwhile the original is rendered."""
    run = SimpleNamespace(id="run-0123456789ab", is_active=False, state="succeeded", progress={}, request={"songs": []})
    task = SimpleNamespace(id="task-0123456789ab", is_active=True, state="running", progress={})
    made: list[SimpleNamespace] = []
    monkeypatch.setattr(api, "get_run", lambda _id: run)
    monkeypatch.setattr(api, "list_outputs", lambda **_asked: made)
    monkeypatch.setattr(following, "task_after", lambda _id: task)
    work: Future[str] = Future()
    work.set_result(run.id)
    assert not sample_run._stage_of(work).is_over
    clip = SimpleNamespace(has_audio=False)
    made.append(SimpleNamespace(id="output-0123456789ab", clip=clip))
    assert not sample_run._stage_of(work).is_over, "only the notes are there"
    clip.has_audio = True
    assert sample_run._stage_of(work).output == "output-0123456789ab"
    clip.has_audio, task.is_active = False, False
    assert sample_run._stage_of(work).output == "output-0123456789ab", "the comparison renders it"


def test_a_process_gets_ready_while_a_first_visitor_reads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[bool] = []
    monkeypatch.setattr(sample_run, "expect_work", lambda: expected.append(True))
    open_app().run()
    assert expected
