"""The actions of a visitor, as functions. Each finds widgets by their public keys (CSS class `st-key-<key>`)."""

from __future__ import annotations

import io
import re
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

THEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 20, 27)"}  # and the ground of each
SLOW = 240_000  # ms; a training on a busy machine


def widget(page: Page, key: str) -> Locator:
    """The widget with this key; dots and other special characters in a key become dashes in its class."""
    return page.locator(f".st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key.strip())}").first


def open_page(page: Page, url: str) -> None:
    """Go to a page and wait until its script has finished."""
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)


def press(page: Page, key: str) -> None:
    widget(page, key).locator("button, a").first.click()


def choose(page: Page, key: str, words: str) -> None:
    """Choose the entry of a select box that contains `words`."""
    widget(page, key).locator("input").first.click()
    page.locator("[role=option]", has_text=words).first.click()
    settle(page)


def enter_number(page: Page, key: str, value: object) -> None:
    field = widget(page, key).locator("input").first
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def type_slowly(page: Page, key: str, text: object, *, pause_ms: int = 60) -> None:
    """Replace what is in a field, key by key, and leave the field as it is: without Enter, without Tab."""
    field = widget(page, key).locator("input").first
    field.click()
    page.keyboard.press("Control+A")
    page.keyboard.type(str(text), delay=pause_ms)


def told_lanes(page: Page, scope: Locator | None = None) -> list[dict[str, Any]]:
    """The lanes of the first player inside `scope`, as the page told it, once one of them has sound."""
    found = (scope or page.locator("body")).locator(".player").first
    found.locator(".icon-play:not([disabled])").wait_for(timeout=90_000)
    lanes: list[dict[str, Any]] = found.evaluate("element => element.player.data.lanes")
    return lanes


def audio_bytes(page: Page, scope: Locator | None = None, *, number: int = 0) -> bytes:
    """What the n-th lane of the player inside `scope` would play, fetched from the address in the browser."""
    ends_at = time.monotonic() + 90.0
    while not (lane := told_lanes(page, scope)[number]).get("sound"):  # a song is rendered when it is first looked at
        assert time.monotonic() < ends_at, f"no sound in lane {number}"
        page.wait_for_timeout(200)
    address = page.evaluate("source => new URL(source, location.href).href", lane["sound"]["url"])
    answer = page.request.get(address)
    assert answer.ok, f"{address} answered {answer.status}"
    return answer.body()


def pcm_of(wav: bytes) -> np.ndarray:
    """The samples of a 16-bit WAV file, shape (n_samples, n_channels); read independently of the product."""
    stream = io.BytesIO(wav)
    assert stream.read(4) == b"RIFF"
    stream.seek(12)
    n_channels = 0
    while header := stream.read(8):
        kind, size = header[:4], struct.unpack("<I", header[4:])[0]
        if kind == b"fmt ":
            form = stream.read(size)
            n_channels, bits = struct.unpack("<H", form[2:4])[0], struct.unpack("<H", form[14:16])[0]
            assert bits == 16
        elif kind == b"data":
            return np.frombuffer(stream.read(size), dtype="<i2").reshape(-1, n_channels)
        else:
            stream.seek(size + size % 2, io.SEEK_CUR)
    raise AssertionError("the WAV file has no data")


def assert_nothing_broke(page: Page) -> None:
    """No exception box and no page-not-found dialog on the page."""
    bugs = page.locator(".st-key-our_bug")
    assert bugs.count() == 0, bugs.all_inner_texts()
    assert page.locator("[data-testid=stException]").count() == 0, page.locator(
        "[data-testid=stException]"
    ).all_inner_texts()
    assert page.locator("[role=dialog]", has_text="not found").count() == 0


def in_theme(page: Page, theme: str) -> None:
    """Switch the theme as the visitor's system does, and wait until the page has changed."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.wait_for_function(
        "ground => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === ground",
        arg=THEMES[theme],
    )
