"""The machinery with real networks: killed in mid-epoch and resumed, or made again, the result is the same.

Opt-in, because each start of a worker loads TensorFlow: `make test` has the same with an approach of naps."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from runs_at_work import end_everything, epochs, wait_for_rest, worker_pid

from musicgen.clips import write_score_clip
from musicgen.runs import api, launching
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS
from musicgen.storage import database
from musicgen.storage.database import new_id, songs
from musicgen.symbolic.score import Score, make_notes

SHORT = {"epochs": 6, "units": 16, "dense": 16, "embedding": 8, "batch_size": 8}


@pytest.fixture
def choices(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[api.SongChoice]]:
    monkeypatch.setattr(launching, "_started_at", -1e9)
    yield [api.SongChoice(add_tune(seed)) for seed in range(4)]
    end_everything()


def add_tune(seed: int) -> str:
    """A random walk over the white keys."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(-2, 3, size=120)) % 14
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83])
    notes = make_notes(np.arange(120) * 240, 240, scale[steps], 80)
    song_id = new_id("song")
    clip = write_score_clip(Path(os.environ["MUSICGEN_HOME"]) / "songs" / song_id, Score(notes))
    database.change(
        songs.insert().values(
            id=song_id,
            sha256=os.urandom(32).hex(),
            name=f"Tune {seed}",
            medium="midi",
            format="midi",
            source="upload",
            seconds=clip.seconds,
            facts=clip.facts,
            report={},
            created_at=time.time(),
        )
    )
    return song_id


@pytest.mark.slow
def test_killed_and_resumed_real_networks_end_the_same(choices: list[api.SongChoice]) -> None:
    plain, killed = (api.submit_training("note_lstm", choices, SHORT, preset="quick", seed=1) for _ in range(2))
    assert wait_for_rest(plain, 300).state == "succeeded"
    rng = random.Random(5)
    for _ in range(3):
        pid = worker_pid(killed)
        time.sleep(rng.uniform(0.0, 1.0))
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        run = wait_for_rest(killed)
        assert time.monotonic() - began < 5.0
        if run.state == "succeeded":
            break
        assert "SIGKILL" in run.reason
        api.resume(killed)
    run = wait_for_rest(killed, 300)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 7))
    folders = [Checkpoints(api.get_run(each).folder / CHECKPOINTS).newest_first()[0].folder for each in (plain, killed)]
    with np.load(folders[0] / "weights.npz") as first, np.load(folders[1] / "weights.npz") as second:
        assert first.files == second.files
        for name in first.files:
            np.testing.assert_array_equal(first[name], second[name])
    task = wait_for_rest(api.submit_generation(killed, {}, count=2, seed=3), 300)
    assert task.state == "succeeded"
    original = api.get_output(task.output_ids[1])
    assert original.clip.has_audio
    again = wait_for_rest(api.regenerate(original.id), 300)
    assert api.get_output(again.output_ids[0]).sidecar["is_same_as_original"] is True


@pytest.mark.slow
def test_a_warm_worker_makes_the_same_pieces_to_the_bit(
    choices: list[api.SongChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was started for it: another seed, another temperature and another length in between."""
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "5")
    monkeypatch.setenv("MUSICGEN_WARM_FREE_MB", "0")
    run_id = api.submit_training("note_lstm", choices, {**SHORT, "epochs": 1}, preset="quick", seed=1)
    assert wait_for_rest(run_id, 300).state == "succeeded"
    orders = [
        ({"temperature": temperature, "num_notes": 40 + seed}, seed) for seed, temperature in enumerate((1.0, 0.7))
    ]

    def made() -> tuple[list[str], set[str]]:
        """The hashes of the pieces, and the processes that made them."""
        tasks = []
        for generation, seed in orders * 2:
            tasks.append(wait_for_rest(api.submit_generation(run_id, generation, seed=seed), 300))
            assert tasks[-1].state == "succeeded", tasks[-1].reason
        hashes = [api.get_output(task.output_ids[0]).sidecar["content_sha256"] for task in tasks]
        return hashes, {task.log_tail(99)[0].rpartition(" ")[2] for task in tasks}

    warm, processes = made()
    assert len(processes) < 4, "the first ones may have been started before there was a spare"
    end_everything()
    monkeypatch.setenv("MUSICGEN_WARM_MINUTES", "0")
    cold, processes = made()
    assert len(processes) == 4
    assert warm == cold
    assert warm[:2] == warm[2:]
