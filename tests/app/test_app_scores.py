"""Scores on the pages: made when they are opened, a page at first and more on request; errors leave the rest alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from stored_work import lanes, players
from streamlit.testing.v1 import AppTest

from musicgen.clips import Clip, sheets, write_score_clip
from musicgen.clips.sheets import ensure_pages, stored_sheet
from musicgen.errors import ResourceUnavailable
from musicgen.songs.composed import jazz_tune
from musicgen.songs.library import get_song, list_songs
from pages.ui.scores import ScorePages, score_lane, score_pages, try_again
from tests.app.test_app_songs import songs_page, upload
from tests.makers_audio import noise_pcm, pcm_wav
from tests.makers_midi import midi_bytes

PATIENCE = 60.0


@pytest.fixture
def tune(tmp_path: Path, home: Path) -> Clip:
    return write_score_clip(tmp_path / "tune", jazz_tune())


@pytest.fixture
def song(home: Path) -> str:
    upload(songs_page(), ("tune.mid", midi_bytes(jazz_tune())))
    return list_songs()[0].id


def settled(clip: Clip, wanted: tuple[int, ...]) -> ScorePages:
    deadline = time.monotonic() + PATIENCE
    while (found := score_pages(clip, wanted)).is_working and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def asked(song_id: str) -> AppTest:
    """The song's page after the player has asked for the first page of the score, once it is made or has failed."""
    at = songs_page(song_id)
    assert lanes(at)[0]["score"] == {"pages": [], "timemap": ""}, "nothing is made before it is asked for"
    at.session_state[f"kept.pages.{get_song(song_id).clip.folder.name}"] = (1,)
    deadline = time.monotonic() + PATIENCE
    while not (lanes(at.run())[0]["score"]["pages"] or at.error) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not at.exception
    return at


def test_what_is_missing_is_started_and_what_exists_is_given_at_once(tune: Clip) -> None:
    first = score_pages(tune)
    assert (first.sheet, first.is_working, first.error) == (None, True, None)
    found = settled(tune, (1,))
    assert found.sheet is not None
    assert not found.sheet.missing([1])
    last = found.sheet.num_pages
    assert score_pages(tune, (1, last)).sheet is not None
    later = settled(tune, (1, last))
    assert later.sheet is not None
    assert not later.sheet.missing([1, last])
    assert later.work is None


def test_the_player_gets_addresses_sizes_and_the_time_map(tune: Clip) -> None:
    sheet = ensure_pages(tune)
    lane = score_lane(sheet, lambda path: f"/media/{path.name}")
    assert [page["url"] for page in lane["pages"]] == [f"/media/page-{n}.svg" for n in range(1, 7)] + [""] * 5
    assert {page["width"] for page in lane["pages"]} == {sheet.width}
    assert lane["timemap"] == "/media/timemap.json"
    assert json.loads(json.dumps(lane, allow_nan=False)) == lane


def test_what_is_lost_is_made_again(tune: Clip) -> None:
    score_pages(tune)
    page = ensure_pages(tune).page(1).path  # waits until all pages of the portion are made
    assert page is not None
    settled(tune, (1,))
    page.unlink()
    assert score_pages(tune).is_working
    again = settled(tune, (1,)).sheet
    assert again is not None
    assert again.page(1).path == page


def test_an_error_is_told_and_can_be_tried_again(tune: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ResourceUnavailable("Sheet music needs the package verovio.")

    with monkeypatch.context() as patched:
        patched.setattr(sheets, "run_child", missing)
        failed = settled(tune, (1,))
        assert "needs the package verovio" in str(failed.error)
    assert score_pages(tune).error is failed.error
    try_again(tune)
    assert settled(tune, (1,)).error is None


def test_a_score_is_made_when_the_player_asks_for_it(song: str) -> None:
    at = asked(song)
    sheet = stored_sheet(get_song(song).clip)
    assert sheet is not None
    pages = lanes(at)[0]["score"]["pages"]
    assert len(pages) == sheet.num_pages
    assert pages[0]["url"]


def test_the_page_works_without_verovio(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ResourceUnavailable("Sheet music needs the package verovio.")

    monkeypatch.setattr(sheets, "run_child", missing)
    at = asked(song)
    assert ["verovio" in str(error.value) for error in at.error] == [True]
    assert at.title[0].value == "tune"
    assert players(at), "it can be heard and seen"


def test_a_recording_has_no_score(home: Path) -> None:
    upload(songs_page(), ("tone.wav", pcm_wav(noise_pcm(44_100))))
    assert lanes(songs_page(list_songs()[0].id))[0]["score"] is None
