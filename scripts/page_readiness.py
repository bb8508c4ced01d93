"""Opens the pages of a running server in a real browser, each beside a bare Streamlit app, and prints how much later
than that one it was ready.

    python -m scripts.page_readiness http://127.0.0.1:8501 http://127.0.0.1:8502 3     three rounds, as JSON
    python -m scripts.page_readiness http://127.0.0.1:8501 http://127.0.0.1:8502 3 --table

A page is usable when its controls are there, nothing is a placeholder any more, its players can play, and the browser
answers within 100 ms. It is drawn when all of its pictures are there as well. A first visit begins with an empty
cache; `again` is the same page, loaded again; `click` is the way there through the menu.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.benchmarks import Skipped
from musicgen.errors import sentence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 60_000
WARM_MS = 90_000  # what is made once for all visits, such as missing pictures


@dataclass(frozen=True)
class Place:
    """A page: its title in the menu and as heading, and an element without which it is not usable."""

    title: str
    control: str
    has_players: bool = False


BARE = Place("Bare", "h1")
PLACES = {
    "": Place("Home", ".st-key-steps button"),
    "songs": Place("Songs", ".st-key-song_list button"),
    "train": Place("Train", ".st-key-training-epochs input"),
    "runs": Place("Runs", ".st-key-run_status", has_players=True),
    "generate": Place("Generate", ".st-key-generate_start button", has_players=True),
    "compare": Place("Compare", ".st-key-compare_player", has_players=True),
    "versus": Place("Compare runs", ".st-key-versus_curves", has_players=True),
    "blind": Place("Which one is real?", ".st-key-blind_start button"),
    "approaches": Place("Approaches", ".st-key-approach_inside button"),
    "system": Place("System", ".st-key-checks"),
}
# Looks every 20 ms, and says when it last saw something missing. If the browser is busy, it cannot look.
WATCH = """(() => {
    const watch = window.watch = {place: null, began: 0, usable: 0, drawn: 0};
    const isBlank = canvas => {
        const small = new OffscreenCanvas(24, 6), context = small.getContext("2d", {willReadFrequently: true});
        if (!canvas.width) return true;
        context.drawImage(canvas, 0, 0, 24, 6);
        return !context.getImageData(0, 0, 24, 6).data.some((value, i) => i % 4 === 3 && value);
    };
    const all = (selector) => {  // in components as well
        const inside = [...document.querySelectorAll("*")].flatMap(each => each.shadowRoot ?? []);
        return [document, ...inside].flatMap(root => [...root.querySelectorAll(selector)]);
    };
    const isUsable = ({control, title, has_players, is_home}) => {
        const main = document.querySelector("[data-testid=stMain]");
        if (!main?.querySelector(control)) return false;
        const heading = main.querySelector("h1")?.textContent ?? "";
        if (!is_home && !heading.includes(title)) return false;
        if (main.querySelector("[data-testid=stSkeleton], [data-stale=true]")) return false;
        const players = all(".player");
        return !has_players || (players.length > 0
            && players.every(each => each.querySelector(".icon-play:not([disabled])")));
    };
    const isDrawn = () => all(".player .picture:not([data-kind=score]) canvas").every(each => !isBlank(each))
        && all("[data-testid=stPlotlyChart]").every(each => each.querySelector(".main-svg"))
        && all("img").every(each => each.complete);
    let before = performance.now();
    setInterval(() => {
        const now = performance.now(), isLate = now - before > 100;
        before = now;
        if (!watch.place) return;
        const is = isUsable(watch.place);
        if (!is || isLate) watch.usable = now;
        if (!is || isLate || !isDrawn()) watch.drawn = now;
    }, 20);
    addEventListener("pointerdown", () => {
        if (!watch.next) return;
        Object.assign(watch, {place: watch.next, began: performance.now(), usable: Infinity, drawn: Infinity});
    }, true);
})()"""
# Nothing has been missing for a second.
SETTLED = "() => watch.place && performance.now() - watch.drawn > 1000 && performance.now() - watch.began > 1000"
TIMES = "() => [(watch.usable - watch.began) / 1000, (watch.drawn - watch.began) / 1000]"


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium. Raises Skipped where there is none."""
    path = next((found for found in map(shutil.which, BROWSERS) if found), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        raise Skipped(sentence("This line needs Chromium and the package playwright", "a machine without them"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def empty_cache(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(WATCH)
    yield page
    context.close()


def _told(name: str) -> dict[str, Any]:
    place = BARE if name == "bare" else PLACES[name]
    return {**place.__dict__, "is_home": name == ""}


def _times(page: Page, timeout: float = PATIENCE_MS) -> list[float]:
    """Seconds until usable, and until drawn."""
    page.wait_for_function(SETTLED, timeout=timeout)
    return list(page.evaluate(TIMES))


def load(page: Page, url: str, name: str, timeout: float = PATIENCE_MS) -> tuple[list[float], list[float]]:
    """Seconds from the address to ready, at the first visit and loaded again."""
    found = []
    place = json.dumps(_told(name))
    for visit in (lambda: page.goto(url, wait_until="commit"), lambda: page.reload(wait_until="commit")):
        visit()
        page.evaluate(f"() => {{ watch.place = {place}; }}")
        found.append(_times(page, timeout))
    return found[0], found[1]


def click(page: Page, name: str) -> list[float]:
    """Seconds from a click in the menu to ready."""
    page.evaluate("place => { watch.next = place; }", _told(name))
    page.locator("[data-testid=stSidebarNav] a", has_text=PLACES[name].title).filter(
        has=page.get_by_text(PLACES[name].title, exact=True)
    ).first.click()
    return _times(page)


def beyond(url: str, bare: str, rounds: int, names: list[str] | None = None) -> dict[str, dict[str, list[list[float]]]]:
    """page → {first, again: (usable, drawn) in seconds beyond the bare app beside it; click: in seconds; bare: first
    and again of the bare app}, one entry for each round."""
    wanted = names or list(PLACES)
    found: dict[str, dict[str, list[list[float]]]] = {
        name: {kind: [] for kind in ("first", "again", "click", "bare")} for name in wanted
    }
    with browsing() as browser:
        for name in wanted:
            with empty_cache(browser) as page:
                load(page, f"{url}/{name}", name, WARM_MS)
        for _ in range(rounds):
            for name in wanted:
                with empty_cache(browser) as page:
                    plain = load(page, bare, "bare")
                with empty_cache(browser) as page:
                    ours = load(page, f"{url}/{name}", name)
                for kind, mine, theirs in zip(("first", "again"), ours, plain, strict=True):
                    found[name][kind].append([mine[0] - theirs[0], mine[1] - theirs[0]])
                found[name]["bare"].append([plain[0][0], plain[1][0]])
            _click_through(browser, url, found)
    return found


def _click_through(browser: Browser, url: str, found: Mapping[str, Mapping[str, list[list[float]]]]) -> None:
    """All pages by the menu, twice: at the first time a browser loads what a page needs."""
    with empty_cache(browser) as page:
        load(page, f"{url}/system", "system")
        for number in range(2):
            for name in found:
                if name == "system":
                    continue
                times = click(page, name)
                if number:
                    found[name]["click"].append(times)


def medians(rows: list[list[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _print_table(found: Mapping[str, Mapping[str, list[list[float]]]]) -> None:
    print(
        f"{'page':12}{'first: usable':>15}{'drawn':>8}{'again: usable':>15}{'drawn':>8}{'click':>8}{'drawn':>8}  bare"
    )
    for name, kinds in found.items():
        cells = [medians(kinds[kind]) if kinds[kind] else [0.0, 0.0] for kind in ("first", "again", "click", "bare")]
        words = "".join(
            f"{one:>{width}.2f}{two:>8.2f}" for (one, two), width in zip(cells[:3], (15, 15, 8), strict=True)
        )
        print(f"{name or 'home':12}{words}  {cells[3][0]:.2f} {cells[3][1]:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("bare")
    parser.add_argument("rounds", type=int, default=3, nargs="?")
    parser.add_argument("--only", help="names of pages, separated by commas")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    try:
        measured = beyond(asked.url, asked.bare, asked.rounds, asked.only.split(",") if asked.only else None)
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}))
        sys.exit()
    if asked.table:
        _print_table(measured)
    else:
        print(json.dumps(measured))
