"""The time-lapse of a training whose worker is killed at random moments: no piece twice, none half written."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_at_work import add_song, epochs, ticking, until, wait_for_rest, weights

from musicgen.runs import api, states
from musicgen.runs.lapse import NAME, lapse_of
from musicgen.runs.lapse_seconds import FILE

LONG = {"epochs": 60, "epoch_ms": 60.0, "best": 90, "width": 4}


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (home / FILE).write_text(json.dumps({"ticking/cpu": [0.001, 0.001]}))
    with ticking(monkeypatch):
        yield


def start(song: str) -> str:
    return api.submit_training(
        "ticking", [api.SongChoice(song)], LONG, preset="short", seed=5, hear_it_learn=True, device="cpu"
    )


def is_whole(run_id: str) -> None:
    kept = lapse_of(run_id)
    pieces = kept.pieces()
    folders = [path for path in kept.folder.iterdir() if NAME.match(path.name)] if kept.folder.is_dir() else []
    assert len(folders) == len(pieces), "no piece twice"
    for piece in pieces:
        assert piece.about["epoch"] == piece.epoch
        assert piece.clip.waveform().n_samples == 2000


@pytest.mark.slow
def test_kills_pauses_and_resumes_lose_no_piece_and_make_none_twice() -> None:
    song = add_song()
    plain, killed = start(song), start(song)
    assert wait_for_rest(plain, 120).state == "succeeded"
    rng = random.Random(7)
    before: set[int] = set()
    for number in range(6):
        known = len(api.get_run(killed).history)
        until(lambda known=known: len(api.get_run(killed).history) > known, 120, "an epoch")
        time.sleep(rng.uniform(0.0, 0.1))
        if number % 3 == 2:
            api.pause(killed)
        else:
            os.kill(int((states.read_task(api.get_run(killed).task.id) or {})["pid"]), signal.SIGKILL)
        if wait_for_rest(killed).state == "succeeded":
            break
        is_whole(killed)
        now = {piece.epoch for piece in lapse_of(killed).pieces()}
        assert min(before, default=1) in now or not before, "the first one stays"
        before = now
        api.resume(killed)
    run = wait_for_rest(killed, 120)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 61))
    is_whole(killed)
    assert lapse_of(killed).pieces()
    assert not list(lapse_of(killed).folder.glob(".*")), "leftovers were removed"
    assert weights(killed).tobytes() == weights(plain).tobytes()


def test_a_cancel_in_the_middle_of_a_piece_takes_a_second() -> None:
    (Path(os.environ["MUSICGEN_HOME"]) / FILE).write_text(json.dumps({"ticking/cpu": [0.0, 0.0]}))
    run_id = api.submit_training(
        "ticking", [api.SongChoice(add_song())], {**LONG, "slow_piece_ms": 20_000.0}, seed=5, hear_it_learn=True,
        device="cpu",
    )  # fmt: skip
    until(lambda: api.get_run(run_id).progress.get("phase") == "making a short piece", 120, "a piece")
    began = time.monotonic()
    api.cancel(run_id)
    run = wait_for_rest(run_id)
    assert time.monotonic() - began < 5.0, "a second, and what a busy machine adds"
    assert run.state == "cancelled"
    assert epochs(run) == [1]
    assert run.can_generate
    assert not lapse_of(run_id).pieces()
