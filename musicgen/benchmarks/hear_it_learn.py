"""A training that lets one hear it learn, against the same training without: whole seconds, both ordered as on the
Train page, where a process that is kept ready has rehearsed them. The weights of both must be the same.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from musicgen.approaches import approach
from musicgen.benchmarks import Line
from musicgen.benchmarks.waiting import add_songs, enter, expect, rested, storages_of_both, wait_for_ready
from musicgen.runs import api
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS
from musicgen.runs.lapse import lapse_of

ROUNDS = 3
WITHOUT = "the same training without pieces"


@dataclass(frozen=True)
class Case:
    """What is trained: an approach with its preset quick, for most of a minute on two cores."""

    key: str
    training: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "hear_it_learn": Case("note_lstm", {"epochs": 240, "patience": 0}),
    "hear_it_learn_sound": Case("spectral_lstm", {"epochs": 100, "patience": 0}),
}


@dataclass(frozen=True)
class Took:
    """One training: seconds, what it learned, how many pieces it made."""

    seconds: float
    weights: str
    num_pieces: int


def _once(case: Case, songs: list[api.SongChoice], *, hears: bool) -> Took:
    training = {**approach(case.key).presets["quick"].training, **case.training}
    wait_for_ready(expect(case.key, training, songs, preset="quick", hear_it_learn=hears))
    began = time.perf_counter()
    run_id = api.submit_training(case.key, songs, training, preset="quick", device="cpu", hear_it_learn=hears)
    run = rested(lambda: api.get_run(run_id))
    seconds = time.perf_counter() - began
    last = Checkpoints(run.folder / CHECKPOINTS).chosen("last")[0].folder / "weights.npz"
    weights = hashlib.sha256(last.read_bytes()).hexdigest()
    return Took(seconds, weights, len(lapse_of(run_id).pieces()))


def measure(case: Case, rounds: int = ROUNDS) -> list[tuple[Took, Took]]:
    """Pairs of trainings, with and without, in turn. The first pair in a storage folder does not count."""
    with storages_of_both() as storages:
        enter(storages, "warm")
        songs = add_songs(case.key)
        pairs = [_pair(case, songs, number) for number in range(rounds + 1)]
    for ours, baseline in pairs:
        assert ours.weights == baseline.weights, "a training must learn the same with its pieces"
        assert ours.num_pieces
        assert not baseline.num_pieces
    return pairs[1:]


def _pair(case: Case, songs: list[api.SongChoice], number: int) -> tuple[Took, Took]:
    """(with pieces, without): every other time the other way round."""
    took = {hears: _once(case, songs, hears=hears) for hears in ((True, False) if number % 2 else (False, True))}
    return took[True], took[False]


def _line(name: str, case: Case) -> Line:
    pairs = measure(case)
    ours, baseline = (statistics.median(each.seconds for each in side) for side in zip(*pairs, strict=True))
    pieces = min(one.num_pieces for one, _ in pairs)
    unit = f"s of a training, {pieces} pieces kept; equal weights"
    return Line(name, ours, baseline, WITHOUT, unit, less_is_better=True)


LINES: dict[str, Callable[[], Line]] = {name: partial(_line, name, case) for name, case in CASES.items()}
