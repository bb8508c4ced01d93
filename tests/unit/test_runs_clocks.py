"""The wall clock is set back or forward while runs wait and work: durations and the order of the queue stay right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from runs_at_work import add_song, add_task, epochs, start, ticking, until, wait_for_rest

from musicgen.processes import ROOT
from musicgen.runs import api, liveness, states
from musicgen.runs.folders import PROGRESS, WORKER, task_folder
from musicgen.runs.identity import identity
from musicgen.runs.progress import ProgressFile, elapsed_seconds
from musicgen.storage import database
from musicgen.storage.database import runs, tasks
from musicgen.storage.files import write_json

pytestmark = pytest.mark.record(slow=True)

DAY = 86_400.0


class WallClock:
    """What `database.now` says."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall(home: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock()
    monkeypatch.setattr(database, "now", clock)
    return clock


def worked(wall: WallClock, *, shift: float, seconds: float | None, before: float | None = None) -> api.Task:
    """A task that training time `seconds` in all while the wall clock was set by `shift`."""
    task = add_task()
    if before is not None:
        database.change(sa.update(tasks).where(tasks.c.id == task["id"]).values(work_seconds=before))
    states.claim(task["id"], "f", "cpu")
    states.begin(task["id"], "f", 1)
    wall.now += shift
    assert states.finish(task["id"], "f", states.SUCCEEDED, seconds=seconds)
    return api.get_task(task["id"])


@pytest.mark.parametrize("shift", [-DAY, -1.0, 0.0, 133.0, DAY])
def test_a_duration_is_what_the_worker_measured(wall: WallClock, shift: float) -> None:
    task = worked(wall, shift=shift, seconds=133.0)
    assert task.seconds == 133.0
    assert task.started_at is not None
    assert task.finished_at == wall.now
    assert task.finished_at - task.started_at == pytest.approx(133.0)


def test_the_stretches_of_a_resumed_run_add_up_and_the_times_are_those_of_the_last(wall: WallClock) -> None:
    task = worked(wall, shift=-DAY, seconds=150.0, before=100.0)
    assert task.seconds == 150.0
    assert task.finished_at == wall.now
    assert task.started_at == pytest.approx(wall.now - 50.0)


@pytest.mark.parametrize("shift", [-DAY, DAY])
def test_where_nobody_measured_nothing_ends_before_it_began(wall: WallClock, shift: float) -> None:
    task = worked(wall, shift=shift, seconds=None)
    assert task.started_at is not None
    assert task.finished_at is not None
    assert task.finished_at >= task.started_at


def test_what_was_paused_has_ended_then_however_late_it_is_cancelled(wall: WallClock) -> None:
    task = worked(wall, shift=0.0, seconds=20.0)
    paused_at = task.finished_at
    database.change(sa.update(tasks).values(state=states.PAUSED))
    wall.now += 5 * DAY
    assert states.stop_waiting(task.id, states.CANCELLED)
    task = api.get_task(task.id)
    assert (task.state, task.seconds, task.finished_at) == ("cancelled", 20.0, paused_at)


def test_the_queue_goes_by_the_order_of_coming(wall: WallClock) -> None:
    first = add_task()
    wall.now -= DAY
    second = add_task()
    wall.now += 3 * DAY
    third = add_task()
    wall.now -= 2 * DAY
    states.stop_waiting(first["id"], states.PAUSED)
    with database.engine().begin() as connection:
        assert states.queue_again(connection, first["id"], {"device": "cpu"})
    assert [row["id"] for row in states.active_tasks()] == [second["id"], third["id"], first["id"]]


def test_a_worker_that_died_worked_as_long_as_it_last_said(wall: WallClock) -> None:
    task = add_task()
    states.claim(task["id"], "f", "cpu")
    states.begin(task["id"], "f", 1)
    folder = task_folder(task["kind"], task["run_id"], task["id"])
    folder.mkdir(parents=True)
    write_json(folder / PROGRESS, {"elapsed_seconds": 12.5})
    write_json(folder / WORKER, identity())
    wall.now -= DAY
    assert liveness.settle(states.read_task(task["id"]) or {}, -9)
    found = api.get_task(task["id"])
    assert (found.state, found.seconds) == ("failed", 12.5)


def test_elapsed_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    clock = WallClock(500.0)
    path = tmp_path / "progress.json"
    file = ProgressFile(path, clock=clock, elapsed_seconds=30.0)
    clock.now += 12.0
    file.write(step=1)
    assert elapsed_seconds(path) == 42.0
    for nonsense in ('{"elapsed_seconds": -1}', '{"elapsed_seconds": "x"}', '{"elapsed_seconds": true}', "[]"):
        path.write_text(nonsense)
        assert elapsed_seconds(path) is None


def test_a_duration_that_an_earlier_version_recorded_is_never_negative(wall: WallClock) -> None:
    task = add_task("succeeded")
    for finished, expected in ((wall.now + 60, 60.0), (wall.now - DAY, None)):
        database.change(sa.update(tasks).values(started_at=wall.now, finished_at=finished))
        assert api.get_task(task["id"]).seconds == expected


# --- the real thing, under a library that sets the clock ------------------------------------------------------------


@pytest.fixture
def set_clock(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that says by how many seconds the clock of supervisor, workers and commands is off."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("setting a clock for one process takes Linux and a C compiler")
    library, offset = tmp_path / "set_clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("set_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    offset.write_text("0")
    monkeypatch.setenv("MUSICGEN_TEST_PRELOAD", str(library))
    monkeypatch.setenv("MUSICGEN_TEST_CLOCK", str(offset))
    with ticking(monkeypatch):
        yield offset


def shown(run_id: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "musicgen", "runs", "show", run_id, *options],
        cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_whole_run_while_the_clock_is_set(set_clock: Path) -> None:
    run_id = start(add_song(), epochs=14, epoch_ms=100)
    until(lambda: len(api.get_run(run_id).history) >= 2)
    set_clock.write_text("-86400")
    until(lambda: len(api.get_run(run_id).history) >= 4)
    api.pause(run_id)
    paused = wait_for_rest(run_id)
    set_clock.write_text("259200")
    api.resume(run_id)
    until(lambda: len(api.get_run(run_id).history) >= 8)
    during = shown(run_id)
    set_clock.write_text("-3600")
    run = wait_for_rest(run_id)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 15))
    assert len({line[:10] for line in run.log_tail(200) if "epoch" in line}) >= 3, "the clock was set for the worker"
    assert paused.seconds is not None
    assert run.seconds is not None
    assert 0.3 < paused.seconds < run.seconds < 60
    for each in (paused, run):
        assert 0 < each.finished_at - each.started_at < 60
    assert sum(row["seconds"] for row in run.history) < run.seconds
    assert all(row["seconds"] > 0 for row in run.history)
    for text in (during, shown(run_id)):
        assert "training time" in text
        assert not re.search(r"-\d+(\.\d+)? (s|min|h)\b|\b0\.0 s|\d{5}", text.replace(run_id, "")), text
    assert json.loads(shown(run_id, "--json"))["seconds"] == pytest.approx(run.seconds)


def test_the_library_does_set_the_clock(set_clock: Path) -> None:
    set_clock.write_text("-86400")
    code = "import time; print(time.time(), time.monotonic())"
    env = {**os.environ, "LD_PRELOAD": os.environ["MUSICGEN_TEST_PRELOAD"]}
    wall, steady = map(float, subprocess.check_output([sys.executable, "-c", code], env=env, text=True).split())
    plain_wall, plain_steady = map(float, subprocess.check_output(
        [sys.executable, "-S", "-c", code], text=True, env={"PATH": os.environ["PATH"]}
    ).split())  # fmt: skip
    assert plain_wall - wall == pytest.approx(DAY, abs=60)
    assert plain_steady - steady == pytest.approx(0, abs=60)


def test_a_record_of_before_gets_its_numbers(home: Path) -> None:
    """Tables without the newer columns, rows in any order: numbered by their date, and new rows come behind them."""
    newer = {"sequence", "work_seconds"}
    old = sa.MetaData()
    for table in (runs, tasks):
        sa.Table(table.name, old, *(
            sa.Column(column.name, column.type, primary_key=column.primary_key)
            for column in table.c if column.name not in newer
        ))  # fmt: skip
    engine = database._made_engine(database.database_url())
    old.create_all(engine)
    row = {"kind": "train", "state": "queued", "device": "cpu", "request": {}, "wish": "", "fence": "", "reason": ""}
    row |= {"advice": ""}
    with engine.begin() as connection:
        for number, created in ((1, 30.0), (2, 10.0), (3, 20.0)):
            run = {"id": f"run-{number:012x}", "name": str(number), "approach": "x", "request": {}}
            task = {**row, "id": f"task-{number:012x}", "run_id": run["id"]}
            connection.execute(sa.insert(old.tables["runs"]).values(**run, created_at=created))
            connection.execute(sa.insert(old.tables["tasks"]).values(**task, created_at=created))
    engine.dispose()
    assert [task["run_id"][-1] for task in states.active_tasks()] == ["2", "3", "1"]
    assert [run["name"] for run in database.every(sa.select(runs.c.name).order_by(runs.c.sequence))] == ["2", "3", "1"]
    assert add_task()["sequence"] == 4
    indexes = {index["name"] for index in sa.inspect(database.engine()).get_indexes("tasks")}
    assert "ix_tasks_sequence" in indexes
