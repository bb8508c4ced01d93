"""Each page opened by its address, also as the first visit to a fresh server; the memory of the server afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.driving import assert_nothing_broke, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

PAGES = {
    "songs": "Songs",
    "train": "Train",
    "runs": "Runs",
    "generate": "Generate",
    "compare": "Compare",
    "study": "Good settings",
    "blind": "Which one is real?",
    "approaches": "Approaches",
    "system": "System",
    "": "Hear a network learn",
}


def test_every_address_opens_its_page_and_the_server_stays_small(server: Server, page: Page) -> None:
    for address, title in PAGES.items():
        open_page(page, f"{server.url}/{address}")
        heading = page.locator("h1").first
        heading.wait_for()
        assert title.lower() in page.locator("[data-testid=stMain]").inner_text().lower()
        assert_nothing_broke(page)
    assert server.resident_mb() < 300
    if sys.platform == "linux":
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        for library in ("tensorflow", "llvmlite", "libtensorflow", "/numba/", "_librosa"):
            assert library not in mapped, f"the server process has loaded {library}"


@pytest.mark.parametrize("address", ["compare", "runs"])
def test_a_first_visit_may_be_a_deep_link(server: Server, page: Page, address: str) -> None:
    open_page(page, f"{server.url}/{address}")
    page.locator("h1", has_text=PAGES[address]).wait_for()
    assert_nothing_broke(page)
    assert page.locator("[data-testid=stSidebarNav]").count() == 1, "the menu comes with every page"
