"""Home, Approaches and System: what is there, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen.approaches import approaches
from tests.app.test_app_navigation import open_app
from tests.app.test_app_songs import midi, shown_text, songs_page, upload


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


def test_every_approach_is_described_with_every_setting(home: Path) -> None:
    at = open_app().run()
    at.switch_page("pages/overview/approaches.py").run()
    assert not at.exception
    text = shown_text(at)
    headings = [element.value for element in at.subheader]
    for approach in approaches().values():
        assert approach.title in headings
        for model in (approach.Training, approach.Generation):
            assert all(f"| {name} |" in text for name in model.model_fields)
        assert all(f"**{name}**: {preset.summary}" in text for name, preset in approach.presets.items())


@pytest.mark.parametrize("key", sorted(approaches()))
def test_an_approach_can_be_taken_to_the_training(key: str, home: Path) -> None:
    upload(songs_page(), ("scale.mid", midi()))
    at = open_app().run()
    at.switch_page("pages/overview/approaches.py").run()
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
