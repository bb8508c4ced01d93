"""Clicks from the home page of a running server to the first comparison that sounds, in a real browser, and prints when
each step was reached.

    python -m scripts.first_music http://127.0.0.1:8501 --table               by "Try it with a sample"
    python -m scripts.first_music http://127.0.0.1:8501 --way pages --table   page by page: songs, train, run, compare

The server should be fresh. Times count from the first click. Sound is what leaves the browser: the level is measured
on its way to the loudspeakers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from musicgen.benchmarks import Skipped
from scripts.page_readiness import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_MS = 600_000
READING_SECONDS = 3.0  # what a person needs at least to find the button on the home page
# Everything that goes to the loudspeakers also goes to a meter.
METER = """(() => {
    const meters = [], connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
        if (target === this.context.destination && !(this.context instanceof OfflineAudioContext)) {
            const meter = new AnalyserNode(this.context, {fftSize: 2048});
            connect.call(this, meter);
            meters.push(meter);
        }
        return connect.call(this, target, ...rest);
    };
    window.soundLevel = () => Math.max(0, ...meters.map(meter => {
        const wave = new Float32Array(meter.fftSize);
        meter.getFloatTimeDomainData(wave);
        return Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
    }));
})()"""
SOUNDS = "() => window.soundLevel() > 0.001"
STAGE = "() => document.querySelector('[data-testid=stProgress]')?.textContent ?? ''"
PLAY = ".st-key-compare_player .icon-play:not([disabled])"


class Visit:
    """A visitor with a watch. `steps`: (seconds since the first click, what was reached)."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.clicks, self.steps = 0, list[tuple[float, str]]()
        self._began = 0.0

    def reach(self, what: str) -> None:
        self.steps.append((round(time.perf_counter() - self._began, 2), what))

    def press(self, selector: str, what: str) -> None:
        place = self.page.locator(selector).first
        place.wait_for()
        self._began = self._began or time.perf_counter()
        place.click()
        self.clicks += 1
        self.reach(f"click: {what}")

    def follow(self, address: str) -> None:
        """Until the page has this address, and note what its progress bar says on the way."""
        said = ""
        while not re.search(address, self.page.url):
            told = re.sub(r"[\d.,/% ]*\d.*", "", self.page.evaluate(STAGE)).strip(" …,:")
            if told and told != said:
                self.reach(said := told)
            self.page.wait_for_timeout(50)

    def hear(self) -> None:
        """Press play on the comparison and wait for the sound."""
        self.page.locator(PLAY).first.wait_for()
        self.reach("the comparison can be played")
        self.press(PLAY, "play")
        self.page.wait_for_function(SOUNDS, polling=20)
        self.reach("it sounds")


def by_sample(visit: Visit) -> None:
    """The quick path of the home page."""
    visit.press(".st-key-sample_run button:not([disabled])", "Try it with a sample")
    visit.follow("/compare")
    visit.reach("the comparison opens")
    visit.hear()


def by_pages(visit: Visit) -> None:
    """The same songs, approach and preset, one page after the other."""
    page = visit.page
    visit.press(".st-key-step_songs button", "Songs")
    visit.press(".st-key-sample_add button:not([disabled])", "Add the sample")
    page.locator(".st-key-import_report").wait_for()
    visit.reach("the songs are there")
    visit.press("[data-testid=stSidebarNav] a[href$='/train']", "Train")
    visit.press(".st-key-train_piece label", "Then generate a piece")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    visit.press(".st-key-train_start button:not([disabled])", "Start training")
    page.wait_for_url("**/runs?*run=run-**")
    visit.reach("the run is there")
    page.locator(".st-key-run_status", has_text="finished").wait_for()
    visit.reach("the training is finished")
    visit.press("[data-testid=stSidebarNav] a[href$='/compare']", "Compare")
    while not page.locator(".st-key-compare_player").count():  # until the piece exists
        page.wait_for_timeout(500)
        if not page.locator("[data-testid=stSkeleton]").count():
            page.reload(wait_until="load")
            page.wait_for_timeout(1500)
    visit.hear()


WAYS = {"sample": by_sample, "pages": by_pages}


def visited(url: str, way: str, reading: float) -> dict[str, Any]:
    """{seconds until the first sound, clicks, steps}. `reading`: seconds on the home page before the first click."""
    with browsing() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(METER)
        visit = Visit(page, url)
        page.goto(url)
        page.locator(".st-key-sample_run button:not([disabled])").wait_for()
        page.wait_for_timeout(reading * 1000)
        WAYS[way](visit)
    return {"seconds": visit.steps[-1][0], "clicks": visit.clicks, "steps": visit.steps}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--way", choices=tuple(WAYS), default="sample")
    parser.add_argument("--reading", type=float, default=READING_SECONDS)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    try:
        found = visited(asked.url, asked.way, asked.reading)
    except Skipped as reason:
        print(json.dumps({"skipped": str(reason)}))
        sys.exit()
    if asked.table:
        for moment, step in found["steps"]:
            print(f"{moment:8.2f} s  {step}")
        print(f"{found['clicks']} clicks")
    else:
        print(json.dumps(found))
