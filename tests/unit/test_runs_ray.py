"""Runs on a real Ray cluster: two nodes on this machine, started here. Long: `make test-slow`, with Ray installed."""

from __future__ import annotations

import importlib.util
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import FAKES, add_song, end_everything, epochs, ticking, until, wait_for_rest, weights

from musicgen import doctor
from musicgen.processes import ROOT
from musicgen.runs import api
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs requirements-cluster.txt"),
]

KILLS = int(os.environ.get("NODE_KILLS", "20"))


class RayCluster:
    """The process that holds the two nodes."""

    def __init__(self, port: int, token: Path, pythonpath: str) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MUSICGEN_")},
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            # Without it, a second node on the loopback address waits for ever.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_JOB_STOP_WAIT_TIME_S": "10",
            "PYTHONPATH": pythonpath,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ray_cluster.py")), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._answer("ready")

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self._answer(word)

    def _answer(self, word: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"the cluster ended before it said {word!r}")

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(120)
        self.process.stdout.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythonpath: str) -> RayCluster:
    shared, token, port = tmp_path / "shared", tmp_path / "token", free_port()
    shared.mkdir()
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    settings = {
        "ADDRESS": f"http://127.0.0.1:{port}",
        "FOLDER": shared,
        "TOKEN_FILE": token,
        "PYTHON": sys.executable,
        "CPUS": 1,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"MUSICGEN_CLUSTER_{name}", str(value))
    return RayCluster(port, token, pythonpath)


@pytest.fixture
def fakes(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """A cluster that knows the approach `ticking`."""
    with ticking(monkeypatch):
        cluster = started(tmp_path, monkeypatch, os.pathsep.join([str(FAKES), str(ROOT)]))
        try:
            yield cluster
        finally:
            cluster.close()


def submit(song: str, seed: int, device: str, **training: Any) -> str:
    return api.submit_training("ticking", [api.SongChoice(song)], training, seed=seed, device=device)


def test_killed_nodes_lose_nothing(fakes: RayCluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Four runs while the second node dies again and again: all finish, equal to their local twins to the bit; no epoch
    is written twice; what was lost goes on within a minute; a cancel takes effect within five seconds."""
    song = add_song()
    assert {each.name: each.status for each in doctor.examine()}["Cluster’s answer"] == "ok"
    runs = [submit(song, seed, "cluster", epochs=10_000, epoch_ms=500) for seed in range(4)]
    until(lambda: all(attempt(each) for each in runs), 300, "all four train")
    waits = []
    for kill in range(KILLS):
        time.sleep(random.Random(kill).uniform(0, 6))
        before = {each: attempt(each) for each in runs}
        fakes.tell("kill")
        began = time.monotonic()
        fakes.tell("add")
        # Two cores each: all four places were taken.
        until(lambda: sum(attempt(each) > before[each] for each in runs) == 2, 240, "both go on")  # noqa: B023
        waits.append(time.monotonic() - began)
        with capsys.disabled():
            print(f"kill {kill + 1}: two runs lost their node and trained again after {waits[-1]:.0f} s", flush=True)
    cancelled, seconds = runs[0], []
    for each in runs:
        assert api.get_run(each).is_active, api.get_run(each).reason
    began = time.monotonic()
    api.cancel(cancelled)
    until(lambda: api.get_run(cancelled).state == "cancelled", 60)
    seconds.append(time.monotonic() - began)
    for each in runs[1:]:  # no need to wait for the end: as many epochs as it has now, and a few more
        api.pause(each)
    rested = [wait_for_rest(each, 120) for each in runs]
    with capsys.disabled():
        print(f"cancelled after {seconds[0]:.1f} s; again at work after at most {max(waits, default=0):.0f} s")
    for run in rested:
        done = epochs(run)
        assert done == list(range(1, len(done) + 1)), "no epoch is lost or written twice"
        numbers = [row["attempt"] for row in run.history]
        assert numbers == sorted(numbers), "nothing of an earlier attempt after a later one"
    assert [run.state for run in rested] == ["cancelled", "paused", "paused", "paused"]
    twins = [submit(song, seed, "cpu", epochs=len(run.history), epoch_ms=0) for seed, run in enumerate(rested) if seed]
    for twin, run in zip(twins, rested[1:], strict=True):
        wait_for_rest(twin, 600)
        assert np.array_equal(weights(twin), weights(run.id))
        assert [row["loss"] for row in api.get_run(twin).history] == [row["loss"] for row in run.history]
    assert max(waits, default=0) < 60
    assert seconds[0] < 5


def attempt(run_id: str) -> int:
    """The attempt that wrote the last row."""
    return int((api.get_run(run_id).history or [{"attempt": 0}])[-1]["attempt"])


def test_real_networks_equal_their_local_twins(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four tiny trainings with the real framework, on two nodes and here."""
    from musicgen.approaches import approach
    from musicgen.songs.intake import add_sample
    from musicgen.songs.library import list_songs

    add_sample("ten_chorales")
    songs = [api.SongChoice(song.id) for song in list_songs()]
    cluster = started(tmp_path, monkeypatch, str(ROOT))
    try:
        wanted = [("note_lstm", 0), ("note_lstm", 1), ("note_wavenet", 0), ("voices", 0)]
        pairs = []
        for device in ("cluster", "cpu"):
            pairs.append(
                [
                    api.submit_training(key, songs, approach(key).tiny.training, seed=seed, device=device)
                    for key, seed in wanted
                ]
            )
        for there, here in zip(*pairs, strict=True):
            ours, theirs = wait_for_rest(here, 900), wait_for_rest(there, 900)
            assert (ours.state, theirs.state) == ("succeeded", "succeeded"), (ours.reason, theirs.reason)
            assert [row["loss"] for row in ours.history] == [row["loss"] for row in theirs.history]
            first, second = (Checkpoints(each.folder / CHECKPOINTS).chosen("last")[0] for each in (ours, theirs))
            weights_of = [
                {name: facts["sha256"] for name, facts in each.manifest.items() if name.endswith((".h5", ".npz"))}
                for each in (first, second)
            ]
            assert weights_of[0]
            assert weights_of[0] == weights_of[1]
    finally:
        cluster.close()
        end_everything()
