"""A search with its real processes, of which one is killed again and again: no trial is lost, and none counts twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from runs_at_work import add_song, ticking, until

from musicgen.listening import trial_pairs
from musicgen.processes import ROOT
from musicgen.runs import api as runs_api
from musicgen.runs import launching, states
from musicgen.runs.folders import searcher_lock, supervisor_lock
from musicgen.runs.locks import holder, is_held
from musicgen.search import api
from musicgen.search.records import Study

KILLS = int(os.environ.get("MUSICGEN_TEST_KILLS", "50"))
TRIALS = max(4, KILLS // 4)
SERVER = """
import time
from musicgen.search import api
while True:
    api.list_studies()
    time.sleep(0.1)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch):
        yield


def begin(song: str, *, trials: int = TRIALS, by_ear: bool = False) -> str:
    training = {"epochs": 6, "epoch_ms": 120.0, "best": 5, "lift": 0.5}
    fixed = ["epochs", "epoch_ms", "best"]
    return api.submit_study(
        "ticking", [runs_api.SongChoice(song)], training, fixed=fixed, trials=trials, seed=7, name="One",
        by_ear=by_ear,
    )  # fmt: skip


def rested(study_id: str, seconds: float = 600.0) -> Study:
    def look() -> Study | None:
        study = api.get_study(study_id)
        return None if study.is_active or any(trial.is_open for trial in study.trials) else study

    return until(look, seconds, "a study at rest")


def told(study: Study) -> list[tuple[Any, ...]]:
    return [(trial.number, trial.state, trial.value, str(trial.parameters), trial.curve) for trial in study.trials]


class Server:
    """A process that only looks, as the pages do."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, env=dict(os.environ))

    def kill(self) -> bool:
        self.process.kill()
        self.process.wait()
        self.start()
        return True


def kill_holder(lock: Path) -> bool:
    pid = holder(lock)
    if pid is None or not is_held(lock):
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def kill_worker() -> bool:
    at_work = [task for task in states.active_tasks() if task["state"] == states.RUNNING and task["pid"]]
    for task in at_work:
        with suppress(ProcessLookupError):
            os.kill(task["pid"], signal.SIGKILL)
    return bool(at_work)


def killing(study_id: str, wanted: int, between: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Kill one process after the other, `wanted` times or until the study ends; how often each was killed."""
    server, rng = Server(), random.Random(1)
    kills = dict.fromkeys(("searcher", "supervisor", "worker", "server"), 0)
    victims = {
        "searcher": lambda: kill_holder(searcher_lock()),
        "supervisor": lambda: kill_holder(supervisor_lock()),
        "server": server.kill,
        "worker": kill_worker,
    }
    try:
        while sum(kills.values()) < wanted and api.get_study(study_id).is_active:
            time.sleep(rng.uniform(0.2, 1.2))
            # The worker first, where there is one: it is seldom there on a busy machine.
            name = "worker" if rng.random() < 0.5 and victims["worker"]() else rng.choice(list(victims)[:-1])
            kills[name] += 1 if name == "worker" else victims[name]()
            launching._started[:] = [process for process in launching._started if process.poll() is None]
            between()
    finally:
        server.process.kill()
        server.process.wait()
    print(f"killed: {kills}")
    return kills


def test_a_study_whose_processes_are_killed_is_the_study_that_was_left_alone() -> None:
    song = add_song()
    expected = rested(begin(song))
    assert expected.state == "finished"
    study_id = begin(song)
    killing(study_id, KILLS)
    study = rested(study_id)
    assert study.state == "finished", study.reason
    assert told(study) == told(expected), "the same proposals and the same values"
    assert [trial.number for trial in study.trials] == list(range(TRIALS))
    runs = [run for run in runs_api.list_runs() if run.name.endswith(study.name)]
    assert len(runs) == 2 * TRIALS, "one run for each trial of both"
    assert len({trial.run_id for trial in [*study.trials, *expected.trials]}) == 2 * TRIALS
    for trial in study.trials:
        run = runs_api.get_run(trial.run_id)
        assert [row["epoch"] for row in run.history] == list(range(1, len(run.history) + 1)), "no epoch twice"


def test_a_search_by_ear_whose_processes_are_killed_makes_each_piece_once() -> None:
    """The listener answers at other moments, so the proposals may be others."""
    trials = max(4, KILLS // 6)
    study_id, answered = begin(add_song(), trials=trials, by_ear=True), 0

    def listen() -> None:
        nonlocal answered
        if (pair := trial_pairs.next_trial_pair(api.get_study(study_id))) is not None:
            trial_pairs.judge_pair(study_id, pair.name, "a")
            answered += 1

    def at_rest() -> Study | None:
        listen()
        study = api.get_study(study_id)
        return None if study.is_active or any(trial.is_open for trial in study.trials) else study

    kills = killing(study_id, KILLS, listen)
    study = until(at_rest, 600.0, "a study at rest")
    assert sum(kills.values()) >= min(KILLS, 4)
    assert study.state == "finished", study.reason
    assert [trial.number for trial in study.trials] == list(range(trials))
    assert len({trial.run_id for trial in study.trials}) == trials
    assert len(study.judgements) == answered
    for trial in study.trials:
        made = runs_api.list_outputs(run_id=trial.run_id)
        assert [output.id for output in made] == [trial.piece], "one piece for each trial, and no other"
