"""Long lists on the command line, and one command for many runs, measured as typed, including the start of Python."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from musicgen.benchmarks import Line
from musicgen.benchmarks.stock import add_runs, add_songs
from musicgen.processes import ROOT
from musicgen.runs import states
from musicgen.runs.api import list_runs
from musicgen.storage import database

SONGS, RUNS, EPOCHS = 20_000, 2_000, 100
MANY = 37
LIMIT_SECONDS, LIMIT_MB = 1.0, 150.0
ROUNDS = 5
THE_LIMIT = "the limit that was set"
# A parent knows the peak memory only over all its children, so each command gets a parent of its own.
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
)


@contextmanager
def _stocked(songs: int = 20, runs: int = 0, epochs: int = EPOCHS) -> Iterator[None]:
    """A separate storage with this many songs and runs."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICGEN_HOME"] = folder
        add_runs(add_songs(songs), runs, 0, epochs=epochs)
        yield


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "musicgen", *arguments]


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(_command(*arguments), cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _megabytes(*arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *_command(*arguments)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _first_page(name: str, unit: str, *arguments: str, **stock: int) -> Callable[[], Line]:
    def measure() -> Line:
        with _stocked(**stock):
            ours = statistics.median(_seconds(*arguments) for _ in range(ROUNDS))
        return Line(name, ours, LIMIT_SECONDS, THE_LIMIT, f"s, first page of {unit}", less_is_better=True)

    return measure


def memory() -> Line:
    """The peak memory of any list, including all items as JSON."""
    lists: Sequence[Sequence[str]] = (["songs", "list"], ["songs", "list", "--json"], ["runs", "list", "--json"])
    with _stocked(SONGS, RUNS):
        ours = max(_megabytes(*arguments) for arguments in lists)
    unit = f"MB, the largest of the lists, {SONGS:,} songs and {RUNS:,} runs"
    return Line("lists_memory", ours, LIMIT_MB, THE_LIMIT, unit, less_is_better=True)


def many_at_once() -> Line:
    """Runs cancelled by one command, against one command for each."""
    with _stocked(runs=2 * MANY, epochs=1):
        database.change(database.tasks.update().values(state=states.PAUSED))
        ids = [run.id for run in list_runs()]
        ours = _seconds("runs", "cancel", *ids[:MANY])
        baseline = sum(_seconds("runs", "cancel", each) for each in ids[MANY:])
    return Line(
        "lists_cancel_many", ours, baseline, f"{MANY} commands", f"s to cancel {MANY} runs", less_is_better=True
    )


PAGE = ("--json", "--limit", "100")
LINES = {
    "lists_songs": _first_page("lists_songs", f"{SONGS:,} songs", "songs", "list", songs=SONGS),
    "lists_songs_json": _first_page(
        "lists_songs_json", f"{SONGS:,} songs, as JSON", "songs", "list", *PAGE, songs=SONGS
    ),
    "lists_runs": _first_page("lists_runs", f"{RUNS:,} runs", "runs", "list", runs=RUNS),
    "lists_runs_json": _first_page("lists_runs_json", f"{RUNS:,} runs, as JSON", "runs", "list", *PAGE, runs=RUNS),
    "lists_memory": memory,
    "lists_cancel_many": many_at_once,
}
