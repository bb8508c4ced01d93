"""When pages are ready in a real browser, beyond a bare Streamlit app that is loaded beside them in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from musicgen.benchmarks import Line, Skipped
from musicgen.benchmarks.pages import START_SECONDS, answers, free_port, served, wait_until
from musicgen.processes import ROOT

FEW, MANY = 10, 20_000
ROUNDS = int(os.environ.get("MUSICGEN_BENCHMARK_ROUNDS", 3))
USABLE_LIMIT, DRAWN_LIMIT, CLICK_LIMIT = 1.0, 1.5, 0.5
BARE = 'import streamlit as st\n\nst.set_page_config(layout="wide")\nst.title("Bare")\nst.write("Nothing else.")\n'

Found = Mapping[str, Mapping[str, list[list[float]]]]  # see scripts.page_readiness


@contextmanager
def bare_app() -> Iterator[str]:
    """A Streamlit app with a title and a line; its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "bare.py")
        script.write_text(BARE)
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
        command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(url), START_SECONDS, "The bare app answers")
            yield url
        finally:
            process.kill()
            process.wait()


def visited(num_songs: int) -> Found:
    """What `scripts.page_readiness` found. Raises Skipped without a browser."""
    with served(num_songs) as server, bare_app() as bare:
        command = [sys.executable, "-m", "scripts.page_readiness", server.url, bare, str(ROUNDS)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if "skipped" in found:
        raise Skipped(found["skipped"])
    return dict(found)


def slowest(found: Found, kinds: tuple[str, ...], number: int) -> tuple[float, str]:
    """The greatest median of a page, and which page that is. `number`: 0 for usable, 1 for drawn."""
    medians = {
        (name or "home", kind): statistics.median(times[number] for times in pages[kind])
        for name, pages in found.items()
        for kind in kinds
        if pages[kind]
    }
    name, kind = max(medians, key=lambda each: medians[each])
    return medians[name, kind], f"{name}{', loaded again' if kind == 'again' else ''}"


def _line(name: str, kinds: tuple[str, ...], number: int, limit: float, words: str, num_songs: int) -> Line:
    ours, page = slowest(visited(num_songs), kinds, number)
    unit = f"s {words}, the slowest page ({page}), {num_songs:,} songs"
    return Line(name, ours, limit, "the limit that was set", unit, less_is_better=True)


def _lines(num_songs: int, suffix: str) -> dict[str, Callable[[], Line]]:
    loaded = ("first", "again")
    asked = {
        f"pages_in_browser{suffix}": (loaded, 0, USABLE_LIMIT, "beyond a bare app until usable"),
        f"pages_in_browser_pictures{suffix}": (
            loaded,
            1,
            DRAWN_LIMIT,
            "beyond a bare app until all pictures are there",
        ),
        f"pages_in_browser_menu{suffix}": (("click",), 0, CLICK_LIMIT, "from a click in the menu until usable"),
    }
    return {name: partial(_line, name, *how, num_songs) for name, how in asked.items()}


LINES = {**_lines(FEW, ""), **_lines(MANY, "_20000")}
