"""Help for tests of runs: songs without an intake, waiting without sleeping too long, ends for what was started."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import musicgen.approaches
from musicgen.processes import ROOT
from musicgen.storage import database

FAKES = ROOT / "tests" / "fake_runs"


@contextmanager
def ticking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The approach `ticking` here and in every child; no supervisor or worker is left behind."""
    from musicgen.approaches import approaches
    from musicgen.runs import launching

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKES), str(ROOT)]))
    monkeypatch.setattr(launching, "_started_at", -1e9)
    musicgen.approaches.__path__.append(str(FAKES / "approaches"))
    approaches.cache_clear()
    try:
        yield
    finally:
        musicgen.approaches.__path__.remove(str(FAKES / "approaches"))
        sys.modules.pop("musicgen.approaches.ticking", None)
        approaches.cache_clear()
        end_everything()


def end_everything() -> None:
    """Kill the supervisor and the workers of the storage folder in force."""
    from musicgen.runs import launching, states
    from musicgen.runs.folders import supervisor_lock
    from musicgen.runs.identity import end_tree
    from musicgen.runs.liveness import known_worker
    from musicgen.runs.locks import holder, is_held

    if is_held(supervisor_lock()) and (pid := holder(supervisor_lock())):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in launching._started:
        process.kill()
        process.wait()
    launching._started.clear()
    for task in states.active_tasks():
        end_tree(known_worker(task))


def add_song(name: str = "Song", *, medium: str = "audio", tracks: int = 0, seed: int = 0) -> str:
    """A song in the library: half a second of noise."""
    from musicgen.audio.waveform import Waveform
    from musicgen.clips import write_audio_clip
    from musicgen.storage.database import new_id, songs

    song_id = new_id("song")
    folder = Path(os.environ["MUSICGEN_HOME"]) / "songs" / song_id
    folder.mkdir(parents=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, size=(1, 4000)).astype(np.float32)
    write_audio_clip(folder, Waveform(noise, 8000))
    database.change(
        songs.insert().values(
            id=song_id,
            sha256=os.urandom(32).hex(),
            name=name,
            medium=medium,
            format="wav",
            source="upload",
            seconds=0.5,
            facts={"tracks": [{"index": index} for index in range(tracks)]},
            report={},
            created_at=time.time(),
        )
    )
    return song_id


def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """The first true value of `condition`, asked every 20 ms; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


def wait_for_rest(run_or_task_id: str, seconds: float = 60.0) -> Any:
    """The run or task once it is at rest."""
    from musicgen.runs.api import get_run, get_task

    look = get_run if run_or_task_id.startswith("run-") else get_task

    def rested() -> Any:
        seen = look(run_or_task_id)
        return None if seen.is_active else seen

    return until(rested, seconds, f"{run_or_task_id} at rest")


def worker_pid(run_id: str) -> int:
    """Process number of the run's worker, once it trains."""
    from musicgen.runs.api import get_run
    from musicgen.runs.states import read_task

    def pid() -> int | None:
        run = get_run(run_id)
        assert run.is_active, run.reason
        if run.state == "running" and run.progress.get("phase") == "training":
            row = read_task(run.task.id)
            return None if row is None else row["pid"]
        return None

    return int(until(pid, what="a training worker"))
