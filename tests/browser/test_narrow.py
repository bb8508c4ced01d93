"""In a narrow window the boxes of a network form one column, and nothing is wider than the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.driving import assert_nothing_broke, open_page, widget

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

NARROW, WIDE = 420, 1280
BOXES = """() => [...document.querySelectorAll('.st-key-approach_inside .network-stage')].map(stage => {
    const box = stage.getBoundingClientRect(); return [box.left, box.top, box.right]; })"""


def test_networks_fit_every_window(page: Page, server: Server) -> None:
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        open_page(page, f"{server.url}/approaches?approach=note_wavenet")
        widget(page, "approach_inside").locator(".network-stage").first.wait_for()
        assert_nothing_broke(page)
        boxes = page.evaluate(BOXES)
        assert len(boxes) > 5
        assert all(0 <= left < right <= width for left, _, right in boxes)
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
        is_upright = len({round(left) for left, _, _ in boxes}) == 1
        assert is_upright == (width == NARROW)
        page.locator(".js-plotly-plot").first.wait_for()  # drawn after the boxes
