"""The Songs page: add, find, open, rename, remove; the report accounts for every file; names are data."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stored_work import lanes
from streamlit.testing.v1 import AppTest

from musicgen.songs.library import count_songs, list_songs
from pages.songs import song_intake
from pages.ui.text import WORD_JOINER
from tests.app.stored_work import tables
from tests.app.test_app_navigation import open_app
from tests.makers_midi import four_part_score, melody_score, midi_bytes

HOSTILE = "![x](http://evil/p.png) <b>b</b> **s** :smile: $a$"


def midi(*pitches: int) -> bytes:
    return midi_bytes(melody_score(pitches or (60, 62, 64, 65, 67, 69, 71, 72)))


def songs_page(song: str = "") -> AppTest:
    at = open_app().run()
    at.switch_page("pages/workflow/songs.py")
    if song:
        at.query_params["song"] = song
    return at.run()


def upload(at: AppTest, *files: tuple[str, bytes]) -> AppTest:
    at.file_uploader(key="song_upload").set_value([(name, content, "audio/midi") for name, content in files]).run()
    assert not at.exception
    return at


def buttons(at: AppTest, prefix: str) -> list[Any]:
    return [button for button in at.button if (button.key or "").startswith(prefix)]


def plain(markdown: object) -> str:
    """The text that the visitor reads, without escapes."""
    return str(markdown).replace("\\", "").replace(WORD_JOINER, "")


def shown_text(at: AppTest) -> str:
    shown = [*at.header, *at.markdown, *at.caption, *at.error, *at.text]
    return "\n".join([*(plain(element.value) for element in shown), *tables(at)])


@pytest.fixture
def song(home: Path) -> str:
    upload(songs_page(), ("chorale.mid", midi_bytes(four_part_score())))
    return list_songs()[0].id


def test_a_late_request_with_the_old_address_does_not_close_what_was_opened(
    song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0
    monkeypatch.setattr("pages.ui.state.time", SimpleNamespace(monotonic=lambda: clock))
    at = songs_page()
    at.button(key=f"song_open.{song}").click().run()
    del at.query_params["song"]  # sent by the browser before it had the new address
    at.run()
    assert at.button(key="song_back")
    assert at.query_params["song"] in (song, [song])
    at.button(key="song_back").click().run()
    at.query_params["song"] = song
    at.run()
    assert at.button(key=f"song_open.{song}")
    assert "song" not in at.query_params
    clock += 3.0  # now it is the browser's Back button
    at.query_params["song"] = song
    at.run()
    assert at.button(key="song_back")


def test_an_empty_library_says_what_to_do(home: Path) -> None:
    at = songs_page()
    assert "Your library is empty" in shown_text(at)
    assert at.file_uploader(key="song_upload").accept_multiple_files


def test_uploads_are_stored_at_once_and_accounted_for(home: Path) -> None:
    at = upload(songs_page(), ("scale.mid", midi()), ("fake.mp3", b"only text"), ("empty.wav", b""))
    assert [song.name for song in list_songs()] == ["scale"]
    assert "**1 song added** · 2 files not added" in [element.value for element in at.markdown]
    reasons = [plain(error.value) for error in at.error]
    assert len(reasons) == 2
    assert any("fake.mp3" in reason and "Received: text" in reason for reason in reasons)
    assert any("empty.wav" in reason and "empty file" in reason for reason in reasons)


def test_the_uploader_is_empty_afterwards_and_accepts_more(home: Path) -> None:
    at = upload(songs_page(), ("one.mid", midi(60, 62)))
    assert not at.file_uploader(key="song_upload").value
    upload(at, ("two.mid", midi(60, 64)))
    upload(at, ("three.mid", midi(60, 65)))
    assert count_songs() == 3


def test_for_very_many_single_files_the_page_counts_them_and_advises_a_zip(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(song_intake, "MANY_FILES", 2)
    at = upload(songs_page(), ("one.mid", midi(60, 62)), ("two.mid", midi(60, 64)), ("three.mid", midi(60, 65)))
    (warning,) = at.warning
    assert warning.value.startswith("3 files arrived.")
    assert "one zip" in warning.value
    assert not upload(at, ("four.mid", midi(60, 67))).warning


def test_the_same_file_twice_is_one_song(home: Path) -> None:
    at = upload(songs_page(), ("one.mid", midi()))
    upload(at, ("again.mid", midi()))
    assert count_songs() == 1
    assert "**0 songs added** · 1 already in the library" in [element.value for element in at.markdown]


def test_the_report_stays_until_it_is_closed(home: Path) -> None:
    at = upload(songs_page(), ("one.mid", midi()))
    at.text_input(key="song_search").set_value("one").run()
    at.button(key="import_report_close").click().run()
    assert "added" not in shown_text(at)
    assert not at.exception


def test_a_click_opens_a_song_and_another_goes_back(song: str) -> None:
    at = songs_page()
    at.button(key=f"song_open.{song}").click().run()
    assert not at.exception
    assert at.query_params["song"] in (song, [song])
    assert at.title[0].value == "chorale"
    text = shown_text(at)
    assert "BPM" in text
    assert all(track["instrument"] in text for track in list_songs()[0].facts["tracks"])
    at.button(key="song_back").click().run()
    assert at.button(key=f"song_open.{song}")


def test_a_deep_link_opens_the_song(song: str) -> None:
    at = songs_page(song)
    assert not at.exception
    assert not at.error
    assert at.title[0].value == "chorale"
    keys = {button.key for button in at.get("download_button")}
    assert {
        "download_mid",
        "download_musicxml",
        "download_svg",
        "download_pdf",
        "download_wav",
        "download_mp3",
        "download_flac",
    } <= keys
    (lane,) = lanes(at)
    assert lane["picture"] == "roll"
    assert set(lane["pictures"]) == {"roll", "waveform", "spectrogram"}
    assert lane["voices"]
    assert not at.get("plotly_chart")


def test_a_link_to_a_removed_song_says_so_and_shows_the_library(song: str) -> None:
    at = songs_page("song-000000000000")
    assert not at.exception
    assert len(at.error) == 1
    assert at.button(key=f"song_open.{song}")


def test_renaming(song: str) -> None:
    at = songs_page(song)
    at.text_input(key=f"song_name.{song}").set_value("A better name")
    at.button(key="song_rename").click().run()
    assert not at.exception
    assert list_songs()[0].name == "A better name"
    assert at.title[0].value == "A better name"


def test_an_empty_name_is_refused_with_a_sentence(song: str) -> None:
    at = songs_page(song)
    at.text_input(key=f"song_name.{song}").set_value("   ")
    at.button(key="song_rename").click().run()
    assert len(at.error) == 1
    assert list_songs()[0].name == "chorale"


def test_removing_asks_first(song: str) -> None:
    at = songs_page(song)
    assert count_songs() == 1
    at.button(key="song_remove").click().run()
    assert not at.exception
    assert count_songs() == 0
    assert "Your library is empty" in shown_text(at)


def test_hostile_names_are_shown_as_they_are(home: Path) -> None:
    at = upload(songs_page(), (f"{HOSTILE}.mid".replace("/", "_"), midi()))
    label = buttons(at, "song_open.")[0].label
    assert "![" not in label
    assert "<b>" not in label
    assert "**" not in label
    at = songs_page(list_songs()[0].id)
    assert not at.exception
    assert "![" not in at.title[0].value


def test_a_long_library_shows_a_page_of_rows_and_finds_every_song(home: Path) -> None:
    files = [(f"tune {number:02d}.mid", midi(60, 60 + number)) for number in range(1, 25)]
    at = upload(songs_page(), *files)
    assert count_songs() == 24
    assert len(buttons(at, "song_open.")) == 20
    at.pagination(key="song_page").set_value(2).run()
    assert len(buttons(at, "song_open.")) == 4
    at.text_input(key="song_search").set_value("tune 07").run()
    assert [button.label for button in buttons(at, "song_open.")] == ["tune 07"]
    at.text_input(key="song_search").set_value("nothing of the kind").run()
    assert not at.exception
    assert buttons(at, "song_open.") == []
    assert "No song with this name" in shown_text(at)


def test_rights_are_asked_for_and_never_needed(home: Path) -> None:
    at = songs_page()
    at.text_area(key="import_rights").set_value("Traditional").run()
    upload(at, ("one.mid", midi()))
    (song,) = list_songs()
    assert song.rights == "Traditional"
    at = songs_page(song.id)
    assert "Traditional" in shown_text(at)
    at.text_area(key=f"song_rights.{song.id}").set_value("My own recording")
    at.button(key="song_rights_save").click().run()
    assert not at.exception
    assert list_songs()[0].rights == "My own recording"
