"""A page that waits says so, and one of which a part did not arrive is loaded again by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.driving import assert_nothing_broke, widget

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.browser.furnished import Furnished
    from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_that_waits_says_so(furnished: tuple[Server, Furnished], page: Page) -> None:
    server, _ = furnished
    held: list[Route] = []
    page.route(re.compile(r"/static/js/index\."), lambda route: held.append(route))
    page.goto(f"{server.url}/train", wait_until="commit")
    page.locator("#waiting").wait_for(timeout=10_000)
    assert "Loading" in page.locator("#waiting").inner_text()
    page.locator("#again").wait_for(timeout=20_000)
    for route in held:
        route.continue_()
    widget(page, "train_start").wait_for()
    page.locator("#waiting").wait_for(state="hidden")


@pytest.mark.parametrize(("part", "key"), [("index", "song_list"), ("FileUploader", "song_upload")])
def test_a_part_that_does_not_arrive_is_asked_for_again(
    furnished: tuple[Server, Furnished], page: Page, part: str, key: str
) -> None:
    server, _ = furnished
    failed: list[str] = []

    def fail_once(route: Route) -> None:
        failed.append(route.request.url)
        route.abort("connectionreset") if len(failed) == 1 else route.continue_()

    page.route(re.compile(rf"/static/js/{part}\.[A-Za-z0-9_-]{{8}}\.js"), fail_once)
    page.goto(f"{server.url}/songs", wait_until="commit")
    widget(page, key).locator("button").first.wait_for(timeout=60_000)
    assert len(failed) == 2
    assert_nothing_broke(page)
