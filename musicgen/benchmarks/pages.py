"""How fast the pages answer, and how much memory their server takes: a real server, visited as a browser does."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import psutil

from musicgen.benchmarks import Line
from musicgen.benchmarks.stock import add_runs, add_songs
from musicgen.errors import ResourceUnavailable, sentence
from musicgen.processes import ROOT
from musicgen.runs.api import list_runs

MANY, FEW = 3_000, 300
LARGEST = 20_000, 2_000  # songs, and runs without outputs
RUNS, OUTPUTS_EACH = 50, 4
LIMIT_SECONDS = 1.0
VISITS, TOURS, SESSIONS = 20, 5, 10
START_SECONDS, EPOCH_SECONDS = 120.0, 300.0
EVERYTHING = "import tensorflow, librosa, music21, streamlit, psutil; print(psutil.Process().memory_info().rss)"


@dataclass(frozen=True)
class Server:
    """A running app with its own storage."""

    process: subprocess.Popen[bytes]
    url: str
    songs: list[str]

    def visited(self, visits: int, visitors: int = 1) -> dict[str, list[float]]:
        """page → seconds until it answered, for each visit after a visitor's first; in new sessions."""
        command = [sys.executable, "-m", "scripts.page_visits", self.url, str(visits), str(visitors)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    @property
    def megabytes(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6


@contextmanager
def served(num_songs: int, more_runs: int = 0) -> Iterator[Server]:
    """A server with this many songs, `RUNS` runs and their outputs, and `more_runs` without. All processes on its
    storage end with it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICGEN_HOME"] = folder
        songs = add_songs(num_songs)
        add_runs(songs, more_runs, 0)
        add_runs(songs, RUNS, OUTPUTS_EACH)
        port = free_port()
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server = Server(process, f"http://127.0.0.1:{port}", songs)
        try:
            wait_until(lambda: answers(server.url), START_SECONDS, "The server answers")
            yield server
        finally:
            end_all_of(folder)


@contextmanager
def training(server: Server) -> Iterator[None]:
    """A run in training in the server's storage, past its first epoch."""
    command = [sys.executable, "-m", "musicgen", "train", "note_lstm", *server.songs[:4], "--preset", "original"]
    command += ["--set", "epochs=5000", "--name", "At work"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: any(run.is_active and run.history for run in list_runs(limit=1)), EPOCH_SECONDS, "It trains")
        yield
    finally:
        process.kill()
        process.wait()


def while_training() -> Line:
    """The slowest page: the time in which 95 of 100 visits are answered while a network trains on all cores."""
    with served(MANY) as server, training(server):
        taken = server.visited(VISITS)
    slowest = max(statistics.quantiles(seconds, n=20)[-1] for seconds in taken.values())
    return Line(
        "pages_while_training", slowest, LIMIT_SECONDS, "the limit that was set",
        f"s, 95th percentile of the slowest page, {MANY:,} songs", less_is_better=True,
    )  # fmt: skip


def growth() -> Line:
    """One visit of all pages, with ten times as many songs."""
    tours: dict[int, list[float]] = {MANY: [], FEW: []}
    with served(FEW) as few, served(MANY) as many:
        for _ in range(TOURS):
            for number, server in ((MANY, many), (FEW, few)):
                tours[number].append(sum(statistics.median(seconds) for seconds in server.visited(2).values()))
    return Line(
        "pages_library_3000", statistics.median(tours[MANY]), statistics.median(tours[FEW]),
        f"the same with {FEW} songs", f"s for all pages, {MANY:,} songs", less_is_better=True,
    )  # fmt: skip


def memory(name: str, num_songs: int, more_runs: int) -> Line:
    """The server after ten visitors, against a process that has imported tensorflow, librosa and music21."""
    with served(num_songs, more_runs) as server:
        server.visited(1, SESSIONS)
        ours = server.megabytes
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=True, cwd=ROOT)
    everything = int(done.stdout.split()[-1]) / 1e6
    return Line(
        name, ours, everything, "a server that imports tensorflow, librosa and music21",
        f"MB with {num_songs:,} songs and {RUNS + more_runs:,} runs, after {SESSIONS} visitors", less_is_better=True,
    )  # fmt: skip


LINES = {
    "pages_while_training": while_training,
    "pages_library_3000": growth,
    "server_memory": partial(memory, "server_memory", MANY, 0),
    "server_memory_20000": partial(memory, "server_memory_20000", *LARGEST),
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def wait_until(is_so: Callable[[], bool], seconds: float, rule: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ResourceUnavailable(sentence(f"{rule} within {seconds:.0f} s", "nothing"))
        time.sleep(0.2)


def end_all_of(folder: str) -> None:
    """End the server, supervisor and worker of this storage, and no other process."""
    ended = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("MUSICGEN_HOME") == folder and process.pid != os.getpid():
                process.kill()
                ended.append(process)
    psutil.wait_procs(ended, timeout=10)
