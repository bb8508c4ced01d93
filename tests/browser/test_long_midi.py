"""A long piece is seen at once, and heard as soon as it is rendered, to its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicgen.audio.wav import wav_info
from tests.browser.driving import open_page, widget
from tests.makers_midi import midi_bytes, scale_score

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

NUM_NOTES, SECONDS = 930, 465.0  # quarters at 120 a minute
PATIENCE_SECONDS = 240.0


def test_a_long_piece_is_seen_before_it_is_rendered(server: Server, page: Page, tmp_path: Path) -> None:
    (tmp_path / "long.mid").write_bytes(midi_bytes(scale_score(NUM_NOTES)))
    open_page(page, f"{server.url}/songs")
    widget(page, "song_upload").locator("input[type=file]").set_input_files(str(tmp_path / "long.mid"))
    widget(page, "import_report").wait_for(timeout=120_000)
    open_page(page, f"{server.url}/songs")
    widget(page, "song_list").get_by_text("long", exact=True).first.click()
    for shown in ("7:45", "Key (estimate)", "Rendering the notes to sound"):
        page.get_by_text(shown).first.wait_for()
    page.locator("[class*=st-key-song_roll], [class*=st-key-song_player]").first.wait_for(state="attached")
    assert not list(server.home.glob("songs/*/audio.wav"))

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := list(server.home.glob("songs/*/audio.wav"))):
        assert time.monotonic() < deadline, "the notes are not rendered"
        time.sleep(0.5)
    assert wav_info(found[0]).seconds >= SECONDS
