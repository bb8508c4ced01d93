"""Narrow windows and the keyboard: tables become cards, Start stays in reach, what has the focus has a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.driving import THEMES, choose, enter_number, in_theme, open_page, widget

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.furnished import Furnished
    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

NARROW = {"width": 400, "height": 800}
# Left and right edge of every cell, row by row, and whether the titles of the columns can be seen.
CELLS = """table => ({
    rows: [...table.querySelectorAll('tbody tr')].map(row => [...row.children].map(cell => {
        const box = cell.getBoundingClientRect(); return [Math.round(box.left), Math.round(box.top)]; })),
    titled: table.querySelector('thead').getBoundingClientRect().height > 5,
    headers: [...table.querySelectorAll('thead th')].every(each => each.scope === 'col')
        && [...table.querySelectorAll('tbody tr')].every(row => row.firstChild.scope === 'row'),
})"""
# How much the ring around the element that has the focus stands out from the page, as a contrast ratio; 0 without one.
RING = """() => {
    const light = colour => colour.map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const numbers = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const style = getComputedStyle(document.activeElement);
    if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) return 0;
    const ground = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
    const [one, two] = [light(numbers(style.outlineColor)), light(numbers(ground))].sort((a, b) => b - a);
    return (one + 0.05) / (two + 0.05);
}"""
# What has the focus, for messages; whether it is a control with a ring of our own: not a field, which has a border.
FOCUSED = "() => [document.activeElement.tagName, document.activeElement.innerText || document.activeElement.className]"


def is_in_view(page: Page, place: Locator) -> bool:
    box, size = place.bounding_box(), page.viewport_size
    return bool(box and size and box["y"] >= 0 and box["y"] + box["height"] <= size["height"])


def test_tables_of_measurements_become_cards(furnished: tuple[Server, Furnished], page: Page) -> None:
    server, library = furnished
    open_page(page, f"{server.url}/{library.pages()['compare']}")
    table = widget(page, "compare_metrics").locator("table").first
    table.wait_for(timeout=90_000)
    wide = table.evaluate(CELLS)
    assert wide["headers"]
    assert wide["titled"]
    assert all(len({top for _, top in row}) == 1 for row in wide["rows"]), "cells of a row stand side by side"
    page.set_viewport_size(NARROW)
    narrow = table.evaluate(CELLS)
    assert len(narrow["rows"]) == len(wide["rows"]) > 10
    assert not narrow["titled"]
    for row in narrow["rows"]:
        lefts, tops = {left for left, _ in row if left}, [top for left, top in row if left]
        assert len(lefts) == 1, "cells of a card stand one below the other"
        assert tops == sorted(set(tops))
    label = table.locator("tbody td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"Original"'


def test_the_tables_of_a_run_fit(furnished: tuple[Server, Furnished], page: Page) -> None:
    server, library = furnished
    page.set_viewport_size(NARROW)
    open_page(page, f"{server.url}/{library.pages()['runs']}")
    page.locator("summary", has_text="Songs, data and settings").click()
    tables = page.locator("details[open] .text-table table")
    tables.first.wait_for()
    assert tables.count() == 2
    for table in tables.all():
        box = table.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= NARROW["width"]


@pytest.mark.parametrize(("name", "key"), [("train", "train_start"), ("generate", "generate_start")])
def test_start_is_always_in_reach(furnished: tuple[Server, Furnished], page: Page, name: str, key: str) -> None:
    server, library = furnished
    page.set_viewport_size(NARROW)
    open_page(page, f"{server.url}/{library.pages()[name]}")
    start = widget(page, key).locator("button")
    start.wait_for()
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("main => main.scrollHeight") > 2 * NARROW["height"]
    for share in (0, 0.5, 1):
        main.evaluate("(main, share) => main.scrollTo(0, share * main.scrollHeight)", share)
        assert is_in_view(page, start), share
    last = main.locator("summary").last
    assert last.bounding_box()["y"] + last.bounding_box()["height"] <= start.bounding_box()["y"], "it covers nothing"


@pytest.mark.slow
def test_fields_without_effect_are_not_shown(furnished: tuple[Server, Furnished], page: Page) -> None:
    server, library = furnished
    open_page(page, f"{server.url}/{library.pages()['train']}")
    choose(page, "approach", "Note LSTM")
    threshold, length = widget(page, "training.threshold"), widget(page, "training.sequence_length")
    length.wait_for()
    assert threshold.count() == 0
    before = length.bounding_box()
    choose(page, "training.representation", "tokens")
    threshold.wait_for()
    assert length.bounding_box() == before
    enter_number(page, "training.threshold", 3)
    choose(page, "training.representation", "events")
    threshold.wait_for(state="detached")
    choose(page, "training.representation", "tokens")
    assert threshold.locator("input").input_value() == "3", "what was typed is there again"


@pytest.mark.parametrize("name", ["home", "runs"])
def test_the_keyboard_shows_where_it_is(furnished: tuple[Server, Furnished], page: Page, name: str) -> None:
    server, library = furnished
    open_page(page, f"{server.url}/{library.pages()[name]}")
    page.locator("[data-testid=stMain] button").first.wait_for()
    for theme in THEMES:
        in_theme(page, theme)
        seen = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            tag, words = page.evaluate(FOCUSED)
            if tag in ("A", "BUTTON", "SUMMARY"):
                seen.add(words)
                assert page.evaluate(RING) >= 3, f"{theme}: no ring around {tag} {words}"
        assert len(seen) >= 12
