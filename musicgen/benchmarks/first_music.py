"""Seconds from the first click on the home page to the first comparison that sounds: in a real browser, on a server
that has just been started, with nothing stored.

The way of today beside it is the same music page by page: songs, the quick preset, the run, the comparison, with a
process started for each task. `scripts.first_music` does the clicking and has the time of every step.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from musicgen.benchmarks import Line, Skipped
from musicgen.benchmarks.pages import START_SECONDS, answers, end_all_of, free_port, wait_until
from musicgen.processes import ROOT

ROUNDS = int(os.environ.get("MUSICGEN_BENCHMARK_ROUNDS", 3))
BY_PAGES = "page by page, a process started for each task"


@contextmanager
def _fresh_server(warm_minutes: str) -> Iterator[str]:
    """Its address. All processes on its storage end with it."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {**os.environ, "MUSICGEN_HOME": folder, "MUSICGEN_WARM_MINUTES": warm_minutes}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: answers(url), START_SECONDS, "The server answers")
            yield url
        finally:
            process.kill()
            process.wait()
            end_all_of(folder)


def clicked(way: str, warm_minutes: str) -> dict[str, Any]:
    """What `scripts.first_music` found; its steps go to the console. Raises Skipped without a browser."""
    with _fresh_server(warm_minutes) as url:
        command = [sys.executable, "-m", "scripts.first_music", url, "--way", way]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if "skipped" in found:
        raise Skipped(found["skipped"])
    for moment, step in found["steps"]:
        print(f"{way}: {moment:8.2f} s  {step}", file=sys.stderr)
    return found


def _line(name: str) -> Line:
    rounds = [(clicked("sample", "5"), clicked("pages", "0")) for _ in range(ROUNDS)]
    ours, baseline = (statistics.median(each["seconds"] for each in side) for side in zip(*rounds, strict=True))
    clicks = max(ours["clicks"] for ours, _ in rounds)
    unit = f"s from the first click on the home page to the first comparison that sounds, {clicks} clicks"
    return Line(name, ours, baseline, BY_PAGES, unit, less_is_better=True)


LINES: dict[str, Callable[[], Line]] = {"first_music": partial(_line, "first_music")}
