"""What is typed is kept, although the page is drawn again under the typing hand."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.driving import assert_nothing_broke, choose, open_page, press, type_slowly, widget

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

NUMBERS = {"epochs": 3, "units": 17, "num_layers": 1, "dropout": 0.15, "batch_size": 18}
TRIES = 4


def _library(server: Server, page: Page) -> None:
    open_page(page, f"{server.url}/songs")
    press(page, "sample_add")
    widget(page, "import_report").wait_for(timeout=120_000)


def _start(page: Page) -> str:
    """Click Start at once, as a hurried visitor does; the id of the run."""
    press(page, "train_start")
    page.wait_for_url("**/runs?*run=run-**", timeout=60_000)
    assert_nothing_broke(page)
    return page.url.split("run=")[1].split("&")[0]


def _record(server: Server, run_id: str) -> tuple[str, dict[str, Any]]:
    (path,) = server.home.glob("*.db")
    with sqlite3.connect(path) as connection:
        (row,) = connection.execute("select name, request from runs where id = ?", (run_id,)).fetchall()
    return row[0], json.loads(row[1])


def test_the_name_of_a_run_is_kept_while_the_page_answers_to_the_epochs(server: Server, page: Page) -> None:
    """The number is sent when its field is left, so the page is drawn again while the name is being typed."""
    _library(server, page)
    for number in range(TRIES):
        open_page(page, f"{server.url}/train")
        choose(page, "approach", "Note LSTM")
        widget(page, "train_start").locator("button:not([disabled])").wait_for(timeout=60_000)
        type_slowly(page, "training.epochs", 2 + number)
        type_slowly(page, "train_name", f"typed by hand {number}")
        assert widget(page, "train_name").locator("input").first.input_value() == f"typed by hand {number}"
        name, request = _record(server, _start(page))
        assert name == f"typed by hand {number}"
        assert request["training"]["epochs"] == 2 + number


@pytest.mark.slow
def test_a_number_out_of_range_stops_the_start(server: Server, page: Page) -> None:
    """Also when Start is clicked at once, while the number is still in the field only."""
    _library(server, page)
    open_page(page, f"{server.url}/train")
    choose(page, "approach", "Note LSTM")
    widget(page, "train_start").locator("button:not([disabled])").wait_for(timeout=60_000)
    type_slowly(page, "training.epochs", 0)
    press(page, "train_start")
    widget(page, "plan").get_by_text("Epochs must be between 1 and 10,000.").wait_for()
    assert widget(page, "train_start").locator("button").first.is_disabled()
    assert "/train" in page.url
    assert not list(server.home.glob("runs/run-*"))
    assert_nothing_broke(page)


def test_every_number_and_text_of_the_form_reaches_the_record(server: Server, page: Page) -> None:
    """One field after the other, without waiting for the page."""
    _library(server, page)
    open_page(page, f"{server.url}/train")
    choose(page, "approach", "Note LSTM")
    widget(page, "train_start").locator("button:not([disabled])").wait_for(timeout=60_000)
    for name, value in NUMBERS.items():
        type_slowly(page, f"training.{name}", value)
    type_slowly(page, "train_seed", 11)
    type_slowly(page, "train_name", "typed by hand")
    name, request = _record(server, _start(page))
    assert {each: request["training"][each] for each in NUMBERS} == NUMBERS
    assert (name, request["seed"]) == ("typed by hand", 11)
