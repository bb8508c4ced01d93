"""axe-core on every page, in both themes and at three widths: no fault of ours, and no scrolling sideways.

axe-core comes with a package and is injected into the page; nothing is loaded from the network."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

from tests.browser.driving import THEMES, assert_nothing_broke, in_theme, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 400)
ACROSS = "document.querySelector('[data-testid=stMain]').scrollWidth"
# The names of buttons and links without the names of their icons.
NAMES = """root => [...root.querySelectorAll('button, a, [role=button]')].filter(each => each.checkVisibility())
    .map(each => {
        const copy = each.cloneNode(true);
        copy.querySelectorAll('[data-testid=stIconMaterial]').forEach(icon => icon.remove());
        return [each.getAttribute('aria-label') || copy.textContent.trim(), each.outerHTML.slice(0, 200)];
    })"""
FAULTY = '<p style="color: #999; background: #fff">faint</p><img src="data:,"><h5>deep</h5><ul><div>loose</div></ul>'
# What has appeared when a page has everything: keys of elements, or selectors.
COMPLETE = {
    "home": ".st-key-recent_outputs a",
    "approaches": ".st-key-approach_inside .js-plotly-plot",
    "system": ".st-key-checks >> text=tensorflow",
    "songs": ".st-key-song_list button",
    "song": ".st-key-download_wav button",
    "train": ".st-key-train_start button:not([disabled])",
    "runs": ".st-key-run_loss .curve",
    "failed run": ".st-key-run_loss .curve",
    "generate": ".st-key-download_wav button",
    "compare": ".st-key-compare_metrics table",
    "versus": ".st-key-versus_curves .curve",
    "study": ".st-key-study_progress .curve",
    "blind": ".st-key-blind_start button",
    "lessons": ".st-key-lesson_start button",
    "finished lesson": ".st-key-lesson_values table",
}


@dataclass(frozen=True)
class Theirs:
    """A fault of Streamlit's own elements, which we cannot mend: the rule of axe, what the element matches, and why."""

    rule: str
    selector: str
    reason: str


KNOWN_FAULTS = (
    Theirs("list", "[data-testid=stSidebarNavItems]", "the menu puts a div around each section of its list"),
    Theirs("listitem", "[data-testid=stSidebarNavItems] li", "the same: the div stands between list and entry"),
    Theirs(
        "presentation-role-conflict", "[data-testid=stFileUploaderDropzone]",
        "the drop zone of the uploader is focusable, although it says that it is only for presentation",
    ),
)  # fmt: skip


def at_width(page: Page, width: int) -> None:
    """Charts are drawn anew a moment after the window has another width."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(f"{ACROSS} <= {width}", timeout=10_000)


def faults(page: Page) -> list[dict[str, Any]]:
    """What axe finds, of every impact, from minor to critical."""
    return list(Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"])


def faults_of_ours(page: Page) -> list[str]:
    """What axe finds, without what is listed above."""
    return [
        f"{rule['impact']} {rule['id']}: {node['html'][:160]} {node['failureSummary']}"
        for rule in faults(page)
        for node in rule["nodes"]
        if not any(is_of(page, rule["id"], node["target"], known) for known in KNOWN_FAULTS)
    ]


def is_of(page: Page, rule: str, target: list[Any], known: Theirs) -> bool:
    """Whether the element that axe names by `target` is one that `known` is about."""
    if rule != known.rule or len(target) != 1 or not isinstance(target[0], str):
        return False
    matches = "([target, selector]) => Boolean(document.querySelector(target)?.matches(selector))"
    return bool(page.evaluate(matches, [target[0], known.selector]))


@pytest.mark.parametrize("name", list(COMPLETE))
def test_axe_finds_no_fault_of_ours(furnished: tuple[Server, Furnished], page: Page, name: str) -> None:
    check_page(furnished, page, name, {("light", WIDTHS[0]), ("dark", WIDTHS[-1])})


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMPLETE))
def test_axe_finds_no_fault_of_ours_anywhere(furnished: tuple[Server, Furnished], page: Page, name: str) -> None:
    check_page(furnished, page, name, {(theme, width) for theme in THEMES for width in WIDTHS})


def check_page(furnished: tuple[Server, Furnished], page: Page, name: str, asked: set[tuple[str, int]]) -> None:
    """Nothing scrolls sideways, and axe finds no fault where it is asked: in a theme at a width."""
    server, library = furnished
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    open_page(page, f"{server.url}/{library.pages()[name]}")
    page.locator(COMPLETE[name]).first.wait_for(timeout=90_000)
    found: dict[str, list[str]] = {}
    for theme in THEMES:
        in_theme(page, theme)
        for width in WIDTHS:
            at_width(page, width)
            for fault in faults_of_ours(page) if (theme, width) in asked else ():
                found.setdefault(fault, []).append(f"{theme} {width}")
            across = page.evaluate(ACROSS)
            assert across <= width, f"{name}, {width} wide: the page scrolls sideways, {across} pixels"
    assert_nothing_broke(page)
    names = page.locator("[data-testid=stMain]").evaluate(NAMES)
    assert [html for words, html in names if not words] == [], "an icon is no name"
    assert not found, "\n".join(f"{', '.join(where)}: {fault}" for fault, where in found.items())


def test_a_fault_would_be_found_and_each_known_one_is_still_there(
    furnished: tuple[Server, Furnished], page: Page
) -> None:
    server, _ = furnished
    open_page(page, f"{server.url}/songs")
    page.locator(COMPLETE["songs"]).first.wait_for()
    assert faults_of_ours(page) == []
    for known in KNOWN_FAULTS:
        rules = {rule["id"]: rule["nodes"] for rule in faults(page)}
        assert any(is_of(page, known.rule, node["target"], known) for node in rules.get(known.rule, ())), known.rule
    page.locator("[data-testid=stMain]").evaluate("(main, html) => main.insertAdjacentHTML('beforeend', html)", FAULTY)
    found = " ".join(faults_of_ours(page))
    for rule in ("color-contrast", "image-alt", "heading-order", "list"):
        assert f" {rule}: " in found
