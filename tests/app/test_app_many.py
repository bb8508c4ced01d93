"""Pages with hundreds of songs: lists stay short, the search finds everything, choices are kept."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import add_output, add_run, add_song, code_blocks, is_clean, many_songs, said, tone, tune, visit
from streamlit.testing.v1 import AppTest

from musicgen.comparison import comparison
from musicgen.runs.api import count_outputs, get_output
from musicgen.songs.library import count_songs, find_songs
from pages.generate import network_choice
from pages.ui import search_field

pytestmark = pytest.mark.usefixtures("home")


def shown_songs(app: AppTest) -> list[str]:
    return [button.label for button in app.button if str(button.key).startswith("song_open.")]


def test_the_library_is_searched_filtered_sorted_and_paged() -> None:
    many_songs(300, every_fifth_audio=True)
    app = visit("songs")
    assert is_clean(app)
    assert "300 songs" in said(app)
    assert shown_songs(app)[0] == "sound 300"
    assert len(shown_songs(app)) == 20
    app.pagination(key="song_page").set_value(15).run()
    assert shown_songs(app)[-1] == "tune 001"
    app.selectbox(key="song_order").set_value("name").run()
    assert app.pagination(key="song_page").value == 1
    assert shown_songs(app)[0] == "sound 002"
    app.button_group(key="song_kind").set_value("midi").run()
    assert "239 MIDI songs" in said(app)
    assert shown_songs(app)[0] == "tune 001"
    app.pagination(key="song_page").set_value(2).run()
    app.text_input(key="song_search").set_value("TUNE 29").run()
    assert "11 MIDI songs found" in said(app)
    found = [29, 129, 229, *(number for number in range(291, 300) if number % 5)]
    assert shown_songs(app) == [f"tune {number:03d}" for number in found]


def test_the_order_holds_across_pages() -> None:
    many_songs(50)
    for order in ("newest", "oldest", "name", "longest", "shortest"):
        pages = [find_songs(order=order, offset=offset, limit=20)[0] for offset in (0, 20, 40)]
        ids = [song.id for page in pages for song in page]
        assert ids == [song.id for song in find_songs(order=order)[0]]
        assert len(set(ids)) == count_songs() == 50


def test_chosen_songs_stay_chosen_while_searching_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_field, "SHOWN", 200)
    ids = many_songs(230)
    app = visit("train", song=ids[3])
    assert is_clean(app)
    picker = app.multiselect(key="songs.midi")
    assert picker.value == [ids[3]]
    assert len(picker.options) <= search_field.SHOWN + 1
    app.text_input(key="songs.midi.search").set_value("tune 007").run()
    assert app.multiselect(key="songs.midi").value == [ids[3]]
    app.multiselect(key="songs.midi").set_value([ids[3], ids[6]]).run()
    app.text_input(key="songs.midi.search").set_value("no such song").run()
    assert is_clean(app)
    assert app.multiselect(key="songs.midi").value == [ids[3], ids[6]]


def test_all_songs_that_a_search_finds_are_chosen_at_once() -> None:
    ids = many_songs(230)
    app = visit("train")
    app.checkbox(key="songs.midi.all").set_value(True).run()
    assert is_clean(app)
    assert app.checkbox(key="songs.midi.all").label == "All 230 songs"
    assert not [each for each in app.multiselect if each.key == "songs.midi"]
    assert "--all-songs" in code_blocks(app)[-1]
    assert "song-" not in code_blocks(app)[-1]
    app.text_input(key="songs.midi.search").set_value("tune 00").run()
    assert app.checkbox(key="songs.midi.all").label == "All 11 songs found"
    assert "--all-songs --search 'tune 00'" in code_blocks(app)[-1]
    app.checkbox(key="songs.midi.all").set_value(False).run()
    assert app.multiselect(key="songs.midi").value == [ids[-1]]


def test_any_of_many_songs_can_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "comparison", lambda *_, **__: {"medium": "midi"})
    ids = many_songs(230)
    run = add_run(ids[:3])
    for number in range(3):
        add_output(run, tune(8, seed=number), name=f"Piece {number}")
    app = visit("compare")
    assert is_clean(app)
    reference = app.selectbox(key="compare_reference")
    assert reference.value == ids[0], "the first song that it was trained on, although 200 are newer"
    assert len(reference.options) <= search_field.SHOWN + 5
    app.text_input(key="compare_reference_search").set_value("tune 012").run()
    assert app.selectbox(key="compare_reference").value == ids[0]
    app.selectbox(key="compare_reference").set_value(ids[11]).run()
    assert app.query_params["reference"] in (ids[11], [ids[11]])
    app.text_input(key="compare_reference_search").set_value("").run()
    assert app.selectbox(key="compare_reference").value == ids[11]


def test_outputs_and_networks_beyond_the_list_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "comparison", lambda *_, **__: {"medium": "audio"})
    monkeypatch.setattr(network_choice, "SHOWN", 2)
    song = add_song("A song", tone(2))
    runs = [add_run([song], name=f"Network {number}") for number in range(4)]
    output = add_output(runs[0], tone(2), name="The one")
    assert count_outputs() == count_outputs("audio") == 1
    assert get_output(output).name == "The one"
    app = visit("generate")
    assert is_clean(app)
    assert len(app.selectbox(key="generate_run").options) == 2
    app.text_input(key="generate_run_search").set_value("network 0").run()
    app.selectbox(key="generate_run").set_value(runs[0]).run()
    assert is_clean(app)
    assert "The one" in said(app)
    linked: Any = visit("generate", run=runs[1])
    assert linked.selectbox(key="generate_run").value == runs[1]
