"""Eight browsers that each start five trainings at the same moment: are there forty runs and forty pages, and when?

    python -m scripts.many_browsers http://127.0.0.1:8501 --server-pid 1234
    python -m scripts.many_browsers http://127.0.0.1:8501 --browsers 1 --starts 5      one browser alone

Each is a Chromium page of its own process that chooses an approach, waits for the button, clicks it, and waits for the
page of its run. A page without a word on it for ten seconds is reported, and is loaded again: that must help. Prints
JSON: starts, pages, blank (what each showed), seconds from the click to the page of the run, and how much processor
time the server took of all that the browsers and it took.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import statistics
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from scripts.page_readiness import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Page

BLANK_SECONDS = 10.0
PATIENCE = 180.0
READY = "[data-testid=stMain] .st-key-run_status"
# What a person sees: any words at all in the page. And what the page knows of itself.
STATE = """() => ({words: document.body?.innerText.trim().length ?? 0, url: location.href,
    state: document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") ?? null,
    connection: document.querySelector("[data-test-connection-state]")?.dataset.testConnectionState ?? null,
    elements: document.querySelectorAll("[data-testid=stMain] *").length,
    failed: performance.getEntriesByType("resource").filter(({responseStatus}) => responseStatus >= 400)
        .map(({name}) => name)})"""


def open_train(page: Page, url: str, told: list[dict[str, Any]]) -> None:
    """The Train page with its button enabled; loaded again if it stays blank."""
    page.goto(f"{url}/train", wait_until="commit", timeout=PATIENCE * 1000)
    _wait(page, ".st-key-train_start button:not([disabled])", told)


def _wait(page: Page, selector: str, told: list[dict[str, Any]]) -> None:
    deadline, blank_since = time.monotonic() + PATIENCE, None
    while True:
        with suppress(Exception):  # not there yet
            page.wait_for_selector(selector, timeout=1000)
            return
        state = page.evaluate(STATE)
        if state["words"]:
            blank_since = None
        elif blank_since is None:
            blank_since = time.monotonic()
        elif time.monotonic() - blank_since > BLANK_SECONDS:
            told.append({**state, "wanted": selector})
            page.reload(wait_until="commit")
            blank_since = None
        if time.monotonic() > deadline:
            raise TimeoutError(f"{selector} within {PATIENCE:.0f} s. Received: {json.dumps(page.evaluate(STATE))}")


def visitor(number: int, url: str, starts: int, go: Any, answers: Any) -> None:
    """One browser: all of its starts, one after the other."""
    seconds: list[float] = []
    blank: list[dict[str, Any]] = []
    failed, console, runs = "", [], []
    try:
        with browsing() as browser:
            page = browser.new_page()
            page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
            page.on("requestfailed", lambda request: console.append(f"{request.url}: {request.failure}"))
            open_train(page, url, blank)
            go.wait()
            for each in range(starts):
                if each:
                    open_train(page, url, blank)
                page.locator(".st-key-train_name input").first.fill(f"visitor {number}, {each}")
                began = time.monotonic()
                page.locator(".st-key-train_start button").first.click()
                page.wait_for_url("**/runs?*run=run-**", timeout=PATIENCE * 1000)
                _wait(page, READY, blank)
                seconds.append(time.monotonic() - began)
                runs.append(page.url.split("run=")[1].split("&")[0])
    except Exception as error:
        failed = f"{type(error).__name__}: {str(error)[:500]}"
    answers.put(
        {"number": number, "seconds": seconds, "blank": blank, "failed": failed, "console": console[-10:], "runs": runs}
    )


def main(url: str, browsers: int, starts: int, server_pid: int | None) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    go, answers = context.Barrier(browsers), context.Queue()
    workers = [context.Process(target=visitor, args=(number, url, starts, go, answers)) for number in range(browsers)]
    before, idle = processor_seconds(server_pid), time.monotonic()
    for worker in workers:
        worker.start()
    found, theirs = [], {}
    while len(found) < len(workers):
        with suppress(queue.Empty):
            found.append(answers.get(timeout=0.5))
        theirs |= processor_seconds_below(worker.pid for worker in workers)
    for worker in workers:
        worker.join()
    seconds = sorted(each for one in found for each in one["seconds"])
    runs = {run for one in found for run in one["runs"]}
    browsing_seconds = sum(theirs.values())
    ours = processor_seconds(server_pid) - before
    return {
        "starts": browsers * starts,
        "pages": len(seconds),
        "runs": len(runs),
        "blank": [each for one in found for each in one["blank"]],
        "failed": [one["failed"] for one in found if one["failed"]],
        "console": [line for one in found for line in one["console"]],
        "median_seconds": statistics.median(seconds) if seconds else None,
        "percentile_95_seconds": statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else None,
        "fastest_seconds": seconds[0] if seconds else None,
        "wall_seconds": round(time.monotonic() - idle, 1),
        "server_processor_seconds": round(ours, 1) if server_pid else None,
        "browser_processor_seconds": round(browsing_seconds, 1),
        "server_share": round(ours / (ours + browsing_seconds), 3) if server_pid else None,
    }


def processor_seconds(pid: int | None) -> float:
    """Of this process alone, not of its children: workers are not the server."""
    if pid is None:
        return 0.0
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def processor_seconds_below(pids: Iterable[int | None]) -> dict[tuple[int, float], float]:
    """process → its processor time so far, for these and all that they started."""
    found = {}
    for pid in pids:
        with suppress(psutil.Error):
            top = psutil.Process(pid)
            for process in (top, *top.children(recursive=True)):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    found[process.pid, process.create_time()] = times.user + times.system
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--browsers", type=int, default=8)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--server-pid", type=int)
    asked = parser.parse_args()
    print(json.dumps(main(asked.url, asked.browsers, asked.starts, asked.server_pid), indent=1))
