"""The names of files are data: shown as they are, never executed, never loaded from anywhere (reliability W7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError as Late

from tests.browser.driving import assert_nothing_broke, open_page, settle, widget
from tests.makers_midi import melody_score, midi_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

NAMES = [
    "![x](http:evil.example p.png)",
    "<img src=x onerror=window.__x=1>",
    "<script>window.__x=1<script>",
    "[click](javascript:window.__x=1)",
    "**bold** _italic_ ~~gone~~ `code`",
    ":red[colour] :smile: :material-home:",
    "$\\frac{1}{2}$ and $$x$$",
    "http:www.evil.example me@evil.example",
    "# heading | cell | cell",
    "line -> arrow <- -- &lt;b&gt;",
    "\u202egnp.exe \u200b zero",
    "a" * 200,
]


def shown(page: Page) -> str:
    return page.locator("[data-testid=stMain]").inner_text().replace("\u2060", "")


def open_song(page: Page, number: int) -> None:
    """A page that has loaded itself again (a part of Streamlit's program did not arrive) has forgotten the click."""
    page.locator(".st-key-song_list button").nth(number).click()
    try:
        page.locator(".st-key-song_back button").wait_for()
    except Late:
        assert page.evaluate("sessionStorage.getItem('loaded again at')"), f"{page.url}: {shown(page)}"
        page.locator(".st-key-song_list button").nth(number).click()
        page.locator(".st-key-song_back button").wait_for()


def test_names_are_shown_and_nothing_in_them_happens(server: Server, page: Page, tmp_path: Path) -> None:
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if "evil" in request.url else None)
    folder = tmp_path / "files"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / f"{name}.mid").write_bytes(midi_bytes(melody_score([60 + number, 64, 67, 72])))
    (folder / "![y](http:evil.example).mp3").write_bytes(b"text with ![z](http://evil.example/z.png)")

    open_page(page, f"{server.url}/songs")
    widget(page, "song_upload").locator("input[type=file]").set_input_files(sorted(folder.iterdir()))
    widget(page, "import_report").wait_for(timeout=60_000)
    settle(page)
    text = shown(page)
    for name in ("![x](http:evil.example p.png)", "**bold** _italic_ ~~gone~~ `code`", ":red[colour] :smile:"):
        assert name in text
    assert "![y](http:evil.example).mp3" in text

    rows = page.locator(".st-key-song_list button")
    for number in range(0, rows.count(), 4):
        open_song(page, number)
        settle(page)
        assert_nothing_broke(page)
        page.locator(".st-key-song_back button").click()
        page.locator(".st-key-song_list button").first.wait_for()
        settle(page)  # a row that is drawn again while it is clicked has not been clicked

    for address in ("", "train", "generate", "compare"):
        open_page(page, f"{server.url}/{address}")
        assert_nothing_broke(page)

    assert outside == []
    assert page.evaluate("window.__x") is None
    assert page.locator("[data-testid=stMain] a[href*=evil]").count() == 0
    assert page.locator("[data-testid=stMain] img[src*=evil]").count() == 0
