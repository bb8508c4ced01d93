"""axe-core on every page, in both themes and at three widths: no fault of ours, and no scrolling sideways.

axe-core comes with a package and is injected into the page; nothing is loaded from the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.driving import assert_nothing_broke, open_page
from tests.browser.furnished import Furnished, furnish
from tests.browser.serving import Server, start_server, stop_everything_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 400)
THEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 20, 27)"}  # and the ground of each
# What has appeared when a page has everything: keys of elements, or selectors.
COMPLETE = {
    "home": ".st-key-recent_outputs a",
    "approaches": ".st-key-approach_inside .js-plotly-plot",
    "system": ".st-key-checks >> text=tensorflow",
    "songs": ".st-key-song_list button",
    "song": ".st-key-download_wav button",
    "train": ".st-key-train_start button:not([disabled])",
    "runs": ".st-key-run_loss .js-plotly-plot",
    "failed run": ".st-key-run_loss .js-plotly-plot",
    "generate": ".st-key-download_wav button",
    "compare": ".st-key-compare_metrics table",
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


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Furnished]]:
    """One server for all pages, with songs, runs and outputs."""
    home = tmp_path_factory.mktemp("rooms") / "home"
    with pytest.MonkeyPatch.context() as patch:
        furnished = furnish(home, patch)
        running = start_server(home)
        yield running, furnished
        running.process.kill()
        running.process.wait()
        stop_everything_in(home)


def in_theme(page: Page, theme: str) -> None:
    """Switch the theme as the visitor's system does, and wait until the page has changed."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.wait_for_function(
        "ground => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === ground",
        arg=THEMES[theme],
    )


def at_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def faults_of_ours(page: Page) -> list[str]:
    """What axe finds, without what is listed above."""
    answer: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{rule['impact']} {rule['id']}: {node['html'][:160]} {node['failureSummary']}"
        for rule in answer["violations"]
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
def test_axe_finds_no_fault_of_ours(rooms: tuple[Server, Furnished], page: Page, name: str) -> None:
    server, furnished = rooms
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    open_page(page, f"{server.url}/{furnished.pages()[name]}")
    page.locator(COMPLETE[name]).first.wait_for(timeout=90_000)
    found: dict[str, list[str]] = {}
    for theme in THEMES:
        in_theme(page, theme)
        for width in WIDTHS:
            at_width(page, width)
            for fault in faults_of_ours(page):
                found.setdefault(fault, []).append(f"{theme} {width}")
            across = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
            assert across <= width, f"{name}, {width} wide: the page scrolls sideways, {across} pixels"
    assert_nothing_broke(page)
    assert not found, "\n".join(f"{', '.join(where)}: {fault}" for fault, where in found.items())
