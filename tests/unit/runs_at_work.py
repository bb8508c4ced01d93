"""Help for tests of runs: songs without an intake, waiting without sleeping too long, ends for what was started."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import musicgen.approaches
import musicgen.networks
from musicgen.approaches import approaches
from musicgen.audio.waveform import Waveform
from musicgen.clips import write_audio_clip, write_score_clip
from musicgen.processes import ROOT
from musicgen.runs import api, launching, states, worker
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.control import Control
from musicgen.runs.folders import CHECKPOINTS, searcher_lock, supervisor_lock
from musicgen.runs.identity import end_tree
from musicgen.runs.liveness import known_worker
from musicgen.runs.locks import FileLock, holder, is_held
from musicgen.storage import database
from musicgen.storage.database import new_id, songs, tasks
from musicgen.symbolic.score import Score

FAKES = ROOT / "tests" / "fake_runs"


@contextmanager
def ticking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The approach `ticking` here and in every child; no supervisor or worker is left behind."""
    backend = types.ModuleType("musicgen.networks.backend")
    backend.use_device = lambda name: name  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    monkeypatch.setattr(musicgen.networks, "backend", backend, raising=False)
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
    """Kill the searcher, the supervisor and the workers of the storage folder in force."""
    for lock in (searcher_lock(), supervisor_lock()):
        pid = holder(lock)
        if is_held(lock) and pid not in (None, os.getpid()):
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


def add_score(name: str, score: Score) -> str:
    """A song of these notes in the library, without an intake."""
    song_id = add_song(name, medium="midi", tracks=2)
    folder = Path(os.environ["MUSICGEN_HOME"]) / "songs" / song_id
    shutil.rmtree(folder)
    folder.mkdir()
    write_score_clip(folder, score)
    return song_id


def add_task(
    state: str = "queued", *, kind: str = "train", fence: str = "", wish: str = "", device: str = "auto",
    run_id: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A row of the queue that no run stands behind."""
    row = {
        "id": new_id("task"),
        "kind": kind,
        "run_id": run_id or new_id("run"),
        "state": state,
        "device": device,
        "request": {"device": "auto"},
        "fence": fence,
        "wish": wish,
        "created_at": database.now(),
    }
    database.change(tasks.insert().values(**row))
    found = states.read_task(str(row["id"]))
    assert found is not None
    return found


def start(song: str, *, seed: int = 0, **training: Any) -> str:
    return api.submit_training("ticking", [api.SongChoice(song)], training, seed=seed)


def weights(run_id: str, choice: str = "last") -> Any:

    chosen = Checkpoints(api.get_run(run_id).folder / CHECKPOINTS).chosen(choice)[0]
    return np.load(chosen.folder / "weights.npy", allow_pickle=False)


def epochs(run: api.Run) -> list[int]:
    return [row["epoch"] for row in run.history]


def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """The first true value of `condition`, asked every 20 ms; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


@contextmanager
def nobody_supervises() -> Iterator[None]:
    """To everybody it looks as if a supervisor lived: what is submitted waits for `work_here`."""
    with FileLock(supervisor_lock()):
        yield


def work_here(run_or_task_id: str) -> Any:
    """Do a waiting task in this process, as its worker would; the run or task as it is then."""
    look = api.get_run if run_or_task_id.startswith("run-") else api.get_task
    seen = look(run_or_task_id)
    task_id = getattr(seen, "task", seen).id
    fence = states.new_fence()
    assert states.claim(task_id, fence, "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Control, "listen", lambda self: None)  # the signals of this process belong to pytest
        worker.main(task_id, fence)
    return look(run_or_task_id)


def wait_for_rest(run_or_task_id: str, seconds: float = 60.0) -> Any:
    """The run or task once it is at rest."""
    look = api.get_run if run_or_task_id.startswith("run-") else api.get_task

    def rested() -> Any:
        seen = look(run_or_task_id)
        return None if seen.is_active else seen

    return until(rested, seconds, f"{run_or_task_id} at rest")


def worker_pid(run_id: str) -> int:
    """Process number of the run's worker, once it trains."""

    def pid() -> int | None:
        run = api.get_run(run_id)
        assert run.is_active, run.reason
        if run.state == "running" and run.progress.get("phase") == "training":
            row = states.read_task(run.task.id)
            return None if row is None else row["pid"]
        return None

    return int(until(pid, what="a training worker"))
