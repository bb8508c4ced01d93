"""A training that lets one hear it learn, against the same training without: whole seconds of its worker, each side in
a process of its own, and the seconds of processor time. The weights of both must be the same.

What pieces take is measured by a first pair, which does not count: as on a machine where somebody has trained before.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from musicgen.approaches import approach
from musicgen.benchmarks import Line
from musicgen.benchmarks.waiting import add_songs
from musicgen.processes import ROOT
from musicgen.runs import api, states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, supervisor_lock
from musicgen.runs.lapse import lapse_of
from musicgen.runs.locks import FileLock

ROUNDS = 3
WITHOUT = "the same training without pieces"


@dataclass(frozen=True)
class Case:
    """What is trained: an approach with its preset quick, for some minutes on two cores."""

    key: str
    training: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "hear_it_learn": Case("note_lstm", {"epochs": 480, "patience": 0}),
    "hear_it_learn_sound": Case("spectral_lstm", {"epochs": 200, "patience": 0}),
}


@dataclass(frozen=True)
class Took:
    """One training: seconds by the wall clock and of processor time, what it learned, how many pieces it made."""

    wall: float
    cpu: float
    weights: str
    num_pieces: int


def _once(case: Case, songs: list[api.SongChoice], *, hears: bool) -> Took:
    """In a worker of its own, started here, so that its processor time can be asked for."""
    values = {**approach(case.key).presets["quick"].training, **case.training}
    run_id = api.submit_training(case.key, songs, values, preset="quick", device="cpu", hear_it_learn=hears)
    task, fence = api.get_run(run_id).task.id, states.new_fence()
    assert states.claim(task, fence, "cpu")
    command = [sys.executable, "-m", "musicgen.runs.worker", task, fence]
    began = time.perf_counter()
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    run = api.get_run(run_id)
    assert run.state == "succeeded", run.reason
    last = Checkpoints(run.folder / CHECKPOINTS).chosen("last")[0].folder / "weights.npz"
    weights = hashlib.sha256(last.read_bytes()).hexdigest()
    return Took(wall, used.ru_utime + used.ru_stime, weights, len(lapse_of(run_id).pieces()))


def measure(case: Case, rounds: int = ROUNDS) -> list[tuple[Took, Took]]:
    """Pairs of trainings, with and without."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICGEN_HOME"] = folder
        songs = add_songs(case.key)
        with FileLock(supervisor_lock()):  # nobody else takes the tasks
            pairs = [
                (_once(case, songs, hears=True), _once(case, songs, hears=False)) for _ in range(rounds + 1)
            ]  # the first pair tells what pieces take
    for ours, baseline in pairs:
        assert ours.weights == baseline.weights, "a training must learn the same with its pieces"
        assert not baseline.num_pieces
    return pairs[1:]


def _line(name: str, case: Case) -> Line:
    pairs = measure(case)
    assert all(ours.num_pieces for ours, _ in pairs)
    ours, baseline = (statistics.median(each.wall for each in side) for side in zip(*pairs, strict=True))
    cpu = statistics.median(one.cpu / other.cpu for one, other in pairs)
    pieces = min(one.num_pieces for one, _ in pairs)
    unit = f"s of a training, {pieces} pieces kept; {cpu:.3f} × the processor time; equal weights"
    return Line(name, ours, baseline, WITHOUT, unit, less_is_better=True)


LINES: dict[str, Callable[[], Line]] = {name: partial(_line, name, case) for name, case in CASES.items()}
