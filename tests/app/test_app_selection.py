"""From the Songs page to the Train page: the songs just added, those selected in the list, one song; and the picker."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import add_song, code_blocks, is_clean, many_songs, said, tone, tune, visit
from streamlit.testing.v1 import AppTest

from musicgen.errors import InvalidInput
from musicgen.runs import api
from musicgen.songs.library import remove_song
from pages.ui import songs_picker, training_songs

pytestmark = pytest.mark.usefixtures("home", "planned")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No plans; the ids of the songs that a plan was asked for."""
    asked: list[list[str]] = []

    def plan(approach: str, choices: list[Any], training: dict[str, Any], **more: Any) -> None:
        asked.append([choice.id for choice in choices])
        raise InvalidInput("No plan.")

    monkeypatch.setattr(api, "plan_training", plan)
    return asked


def after_import(*ids: str) -> AppTest:
    """The Songs page with the report of an import of these songs."""
    app = visit("songs")
    files = [
        {"path": f"{each}.mid", "id": each, "status": "added", "reason": "", "warnings": [], "kept": {}, "dropped": {}}
        for each in ids
    ]
    app.session_state["kept.import_report"] = files
    return app.run()


@pytest.mark.parametrize("number", [1, 3, 20, 199, 230])
def test_train_a_network_takes_all_the_songs_just_added(number: int, planned: list[list[str]]) -> None:
    ids = many_songs(number + 10)
    added = ids[:number]  # the ten newest were there before
    app = after_import(*added)
    app.button(key="train_added").click().run()
    assert is_clean(app)
    assert f"{number} of {number + 10} MIDI songs chosen" in said(app)
    assert sorted(planned[-1]) == sorted(added)


def test_songs_of_both_kinds_are_chosen_each_for_its_approaches(planned: list[list[str]]) -> None:
    add_song("Not wanted", tune())
    notes, sounds = [add_song("Notes", tune())], [add_song("One", tone()), add_song("Two", tone(3))]
    app = after_import(*notes, *sounds)
    app.button(key="train_added").click().run()
    assert app.selectbox(key="approach").value == "amplitude_lstm", "most of the songs are sound"
    assert app.multiselect(key="songs.audio").value == sounds
    app.switch_page("pages/workflow/train.py").run()
    app.selectbox(key="approach").set_value("note_lstm").run()
    assert app.multiselect(key="songs.midi").value == notes
    assert planned[-1] == notes


def test_songs_added_later_replace_an_earlier_choice() -> None:
    old, new = add_song("Old", tune()), add_song("New", tune(seed=1))
    app = visit("train", song=old)
    assert app.multiselect(key="songs.midi").value == [old]
    del app.query_params["song"]
    app.switch_page("pages/workflow/songs.py").run()
    app.button(key=f"song_open.{new}").click().run()
    app.button(key="song_train").click().run()
    assert app.multiselect(key="songs.midi").value == [new]


def test_songs_selected_on_several_pages_of_the_list_are_trained_on(planned: list[list[str]]) -> None:
    ids = many_songs(30)
    app = visit("songs")
    assert not [button for button in app.button if button.key == "song_train_selected"]
    app.checkbox(key=f"song_select.{ids[29]}").check().run()
    app.pagination(key="song_page").set_value(2).run()
    app.checkbox(key=f"song_select.{ids[0]}").check().run()
    app.checkbox(key=f"song_select.{ids[1]}").check().run()
    app.checkbox(key=f"song_select.{ids[1]}").uncheck().run()
    assert "2 selected" in said(app)
    app.button(key="song_train_selected").click().run()
    assert is_clean(app)
    assert planned[-1] == [ids[29], ids[0]]
    assert "2 of 30 MIDI songs chosen" in said(app)


def test_all_that_the_search_finds_are_selected_at_once(planned: list[list[str]]) -> None:
    ids = many_songs(250)
    app = visit("songs")
    app.text_input(key="song_search").set_value("tune 01").run()
    assert app.button(key="song_select_all").label == "Select all 13 found"
    app.button(key="song_select_all").click().run()
    assert "13 selected" in said(app)
    app.text_input(key="song_search").set_value("").run()
    app.button(key="song_select_none").click().run()
    app.button(key="song_select_all").click().run()
    app.button(key="song_train_selected").click().run()
    assert "250 of 250 MIDI songs chosen" in said(app)
    assert sorted(planned[-1]) == sorted(ids)
    assert "--all-songs" in code_blocks(app)[-1]


def test_a_removed_song_is_no_longer_selected() -> None:
    song = add_song("Gone soon", tune())
    kept = add_song("Stays", tune())
    app = visit("songs")
    app.button(key="song_select_all").click().run()
    app.button(key=f"song_open.{song}").click().run()
    app.button(key="song_remove").click().run()
    assert "1 selected" in said(app)
    assert app.checkbox(key=f"song_select.{kept}").value


def test_the_picker_says_how_many_are_chosen_and_chooses_all(
    planned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (songs_picker, training_songs):
        monkeypatch.setattr(module, "SHOWN", 20)
    ids = many_songs(25)
    app = visit("train", song=ids[0])
    assert "1 of 25 MIDI songs chosen" in said(app)
    app.multiselect(key="songs.midi").set_value(ids[5:]).run()
    assert "20 of 25 MIDI songs chosen" in said(app), "what the list's own 'select all' can take"
    assert app.button(key="songs.midi.every").label == "Choose all 25"
    app.button(key="songs.midi.every").click().run()
    assert "25 of 25 MIDI songs chosen" in said(app)
    assert sorted(planned[-1]) == sorted(ids)
    remove_song(ids[3])
    app.run()
    assert "24 of 24 MIDI songs chosen" in said(app)
    app.button(key="songs.midi.others").click().run()
    assert is_clean(app)
    app.multiselect(key="songs.midi").set_value([ids[4]]).run()
    assert planned[-1] == [ids[4]]
