"""What one supervisor, one record and one folder bear: 1, 10 and 100 simulated workers, on SQLite and PostgreSQL.

    python -m scripts.growth                                          about four minutes; writes benchmarks/growth.md
    python -m scripts.growth --workers 100 --records sqlite --keep    one case, printed only

A simulated worker does all that a real one does to the record and to the folder, with the same code: it takes its
lock, begins, writes progress and history, publishes checkpoints, listens for wishes, and finishes. Only the training
is replaced by a clock, so that two cores are enough for a hundred. Meanwhile a real server of the pages is visited.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from musicgen.benchmarks.pages import answers, free_port, wait_until
from musicgen.benchmarks.postgres_server import SYNCED, serving
from musicgen.benchmarks.stock import KINDS, add_songs
from musicgen.processes import ROOT
from musicgen.runs import api, states
from musicgen.runs.folders import HISTORY, run_folder, supervisor_lock
from musicgen.runs.history import append_row, read_history
from musicgen.runs.locks import FileLock
from musicgen.runs.supervisor import POLL_SECONDS, Supervisor, Watched
from musicgen.songs.library import find_songs
from musicgen.storage import database
from scripts.growth_workers import work

RESULTS = ROOT / "benchmarks" / "growth.md"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"
RECORDS = ("sqlite", "postgresql")
PROCESSES = 4  # in which the simulated workers are threads
SONGS, MEASURED_SECONDS, VISITS, PATIENCE = 300, 12.0, 3, 300.0
WAITING, LIBRARY, CURVES, EPOCHS = (100, 1_000, 10_000), (300, 3_000, 20_000), (10, 100, 1_000), 100


class ClockSupervisor(Supervisor):
    """The supervisor, but its workers are threads of other processes, and there are `places` for them."""

    def __init__(self, orders: Any, places: int) -> None:
        super().__init__()
        self.orders, self.places = orders, places
        self.rounds: list[float] = []
        self.processor: list[float] = []
        self.errors: list[str] = []

    def _start_waiting(self, waiting: list[dict[str, Any]]) -> None:
        for task in waiting[: max(self.places - len(self.watched), 0)]:
            fence = states.new_fence()
            if task["id"] not in self.watched and states.claim(task["id"], fence, "cpu"):
                task = {**task, "state": states.STARTING, "fence": fence, "device": "cpu"}
                clock = time.monotonic()
                self.watched[task["id"]] = Watched(task, clock, moved_at=clock)
                self.orders.put((task["id"], task["run_id"], fence, time.time()))

    def supervise(self, has_ended: threading.Event) -> None:
        while not has_ended.is_set():
            began, cpu = time.perf_counter(), time.thread_time()
            try:
                self.round()
            except Exception as error:
                self.errors.append(f"supervisor: {error}")
            self.rounds.append(time.perf_counter() - began)
            self.processor.append(time.thread_time() - cpu)
            time.sleep(POLL_SECONDS)


@contextmanager
def storage(kind: str, num_songs: int) -> Iterator[list[str]]:
    """A folder and a record of this kind in force, with songs; yields the ids of the written ones."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ |= {"MUSICGEN_HOME": folder, "MUSICGEN_WARM_MINUTES": "0", "MUSICGEN_DATABASE_URL": ""}
        if kind == "postgresql":
            os.environ["MUSICGEN_DATABASE_URL"] = stack.enter_context(serving(**SYNCED)).url("postgres")
        songs = add_songs(num_songs)
        try:
            yield songs
        finally:
            database.engine().dispose()


@contextmanager
def pages() -> Iterator[tuple[str, psutil.Process]]:
    """A server of the pages on the storage in force: its address and process."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"), PATIENCE, "The server answers")
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        for started in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                started.kill()
        process.kill()
        process.wait()


def many_workers(kind: str, places: int, visits: int) -> dict[str, Any]:
    """One case: `places` simulated workers, more runs than they can do, and visitors."""
    with storage(kind, SONGS) as songs, FileLock(supervisor_lock()):
        submitting = []
        for number in range(3 * places + 20):
            began = time.perf_counter()
            chosen = [api.SongChoice(songs[number % len(songs)])]
            api.submit_training("note_lstm", chosen, {}, preset="quick", name=f"Run {number}")
            submitting.append(time.perf_counter() - began)
        context = multiprocessing.get_context("spawn")
        orders, told, must_end = context.Queue(), context.Queue(), context.Event()
        processes = [
            context.Process(target=work, args=(orders, told, must_end, -(-places // PROCESSES)))
            for _ in range(min(PROCESSES, places))
        ]
        for process in processes:
            process.start()
        supervisor, has_ended = ClockSupervisor(orders, places), threading.Event()
        supervising = threading.Thread(target=supervisor.supervise, args=(has_ended,))
        with pages() as (url, server):
            supervising.start()
            wait_until(lambda: len(running()) >= min(places, 50), PATIENCE, "The workers begin")
            supervisor.rounds.clear(), supervisor.processor.clear()
            began, before, cpu = time.monotonic(), finished(), sum(server.cpu_times()[:2])
            taken = visited(url, visits)
            cpu = sum(server.cpu_times()[:2]) - cpu
            time.sleep(max(MEASURED_SECONDS - (time.monotonic() - began), 0))
            seconds, done, memory = time.monotonic() - began, finished() - before, server.memory_info().rss
        must_end.set()
        found = [told.get(timeout=PATIENCE) for _ in processes]
        has_ended.set()
        supervising.join()
        for process in processes:
            process.join()
    each = {name: [one for worker in found for one in worker[name]] for name in found[0]}
    return {
        "record": kind,
        "workers": places,
        "runs a second": done / seconds,
        "submit": p95(submitting),
        "start": p95(each["started"]),
        "round": p95(supervisor.rounds),
        "round processor": statistics.median(supervisor.processor),
        "page processor": cpu / (sum(map(len, taken.values())) * (visits + 1) / visits),
        "wish": p95(each["wishes"]),
        "write": p95(each["writes"]),
        "page": max(p95(one) for one in taken.values()),
        "slowest page": max(taken, key=lambda name: p95(taken[name])),
        "server MB": memory / 1e6,
        "errors": [*supervisor.errors, *each["errors"]],
    }


def running() -> list[Any]:
    return database.tuples(sa.select(database.tasks.c.id).where(database.tasks.c.state == states.RUNNING))


def finished() -> int:
    done = sa.select(sa.func.count()).where(database.tasks.c.state == states.SUCCEEDED)
    return int(database.tuples(done)[0][0])


def visited(url: str, visits: int) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "scripts.page_visits", url, str(visits)]
    return dict(json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout))


def what_grows(kind: str) -> list[tuple[str, int, float, float]]:
    """(what, how many, wall seconds, processor seconds of this process) of what one look costs."""
    found = []
    with storage(kind, 1), FileLock(supervisor_lock()):
        add_song_rows(LIBRARY[-1])
        for number in WAITING:
            add_waiting(number)
            supervisor = ClockSupervisor(None, 0)
            found.append(("a round of the supervisor, runs waiting", number, *timed(supervisor.round)))
            words = partial(words_of, api.list_runs(limit=1)[0])
            found.append(("the words of a waiting run, runs waiting", number, *timed(words)))
        for number in CURVES:
            ids = [run_id for (run_id,) in database.tuples(sa.select(database.runs.c.id).limit(number))]
            paths = [run_folder(run_id) / HISTORY for run_id in ids]
            for path in paths:
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    for epoch in range(1, EPOCHS + 1):
                        row = {"epoch": epoch, "loss": 4 / epoch, "seconds": 2.0, "learning_rate": 0.001}
                        append_row(path, row)
            found.append(("one more look at curves, curves", number, *timed(partial(read_all, paths))))
        database.change(sa.delete(database.tasks))
        ids = [song_id for (song_id,) in database.tuples(sa.select(database.songs.c.id))]
        for number in reversed(LIBRARY):
            with database.engine().begin() as connection:
                for start in range(number, len(ids), 500):
                    gone = database.songs.c.id.in_(ids[start : min(start + 500, len(ids))])
                    connection.execute(sa.delete(database.songs).where(gone))
            ids = ids[:number]
            found.append(("a page of songs, newest first, songs", number, *timed(partial(find_songs, limit=25))))
            by_name, search = partial(find_songs, order="name"), partial(find_songs, search="étude minor")
            found.append(("a page of songs, by name, songs", number, *timed(partial(by_name, limit=25))))
            found.append(("a page of songs, searching, songs", number, *timed(partial(search, limit=25))))
    return sorted(found, key=lambda each: each[:2])


def read_all(paths: list[Path]) -> None:
    for path in paths:
        read_history(path)


def words_of(run: Any) -> str:
    from pages.ui.run_view import _where

    return _where(run)


def add_waiting(number: int) -> None:
    """Make it this many runs that wait; rows as `submit_training` writes them."""
    there = int(database.tuples(sa.select(sa.func.count()).select_from(database.tasks))[0][0])
    highest = there
    with database.engine().begin() as connection:
        runs, tasks = [], []
        for each in range(there, number):
            run_id, now, highest = database.new_id("run"), database.now(), highest + 1
            request = {"approach": "note_lstm", "training": {}, "songs": [], "device": "cpu", "seed": 0, "preset": ""}
            run = {"id": run_id, "name": f"Run {each}", "approach": "note_lstm", "request": request}
            runs.append({**run, "created_at": now, "sequence": highest})
            task = {"id": database.new_id("task"), "kind": "train", "run_id": run_id, "state": "queued"}
            task |= {"device": "auto", "request": {"device": "auto"}, "created_at": now, "sequence": highest}
            tasks.append(task)
        if runs:
            connection.execute(sa.insert(database.runs), runs)
            connection.execute(sa.insert(database.tasks), tasks)


def add_song_rows(number: int) -> None:
    """Copies of the song that is there, under other names; lists read no files."""
    (song,) = database.every(sa.select(database.songs))
    rows = []
    for each in range(number - 1):
        name = f"{KINDS[each % len(KINDS)]} in {'ABCDEFG'[each % 7]} minor, number {each}"
        changes = {"id": database.new_id("song"), "sha256": f"{each:064x}", "name": name}
        rows.append({**song, **changes, "created_at": song["created_at"] - each})
    with database.engine().begin() as connection:
        connection.execute(sa.insert(database.songs), rows)


def timed(work: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """Median wall and processor seconds of a call, after a first one."""
    work()
    taken = []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - began, time.process_time() - cpu))
    return statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken)


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else max(seconds, default=0.0)


def table(cases: list[dict[str, Any]], growth: dict[str, list[tuple[str, int, float, float]]]) -> str:
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    lines = [
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; when it ended, "
        f"{load:.1f} processes wanted each core.",
        "",
        "| record | workers | runs finished a second | submit | start | wish | write | round | its processor time "
        "| slowest page | processor time of a page | errors |",
        "|---" * 12 + "|",
    ]
    for case in cases:
        names = ("submit", "start", "wish", "write", "round", "round processor")
        times = (f"{case[name] * 1000:,.0f} ms" for name in names)
        page = f"{case['page']:.2f} s ({case['slowest page']}) | {case['page processor'] * 1000:,.0f} ms"
        cells = (case["record"], case["workers"], f"{case['runs a second']:.2f}", *times, page, len(case["errors"]))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", f"| one look | how many | {' | '.join(f'{kind}: wall, processor' for kind in growth)} |"]
    lines.append("|---" * (2 + len(growth)) + "|")
    for rows in zip(*growth.values(), strict=True):
        measured = (f"{wall * 1000:,.1f} ms, {cpu * 1000:,.1f} ms" for _, _, wall, cpu in rows)
        lines.append(f"| {rows[0][0]} | {rows[0][1]:,} | {' | '.join(measured)} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Replace the measured part of the page; what is said about it stays."""
    page = RESULTS.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    RESULTS.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,10,100", help="how many, with commas")
    parser.add_argument("--records", default=",".join(RECORDS), help="sqlite, postgresql, or both")
    parser.add_argument("--visits", type=int, default=VISITS, help="of each page in each case")
    parser.add_argument("--looks", action="store_true", help="no workers, only what one look costs")
    parser.add_argument("--keep", action="store_true", help="print only; keep the page of results as it is")
    asked = parser.parse_args()
    kinds = asked.records.split(",")
    cases = []
    for kind in kinds:
        for places in [] if asked.looks else map(int, asked.workers.split(",")):
            cases.append(many_workers(kind, places, asked.visits))
            print(json.dumps(cases[-1], default=str), file=sys.stderr, flush=True)
    text = table(cases, {kind: what_grows(kind) for kind in kinds})
    print(text)
    if not asked.keep:
        write(text)
    return 1 if any(case["errors"] for case in cases) else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
