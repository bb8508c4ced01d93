"""Runs that an earlier version trained load in this one and make the same music.

They were made by `tests/data/make_earlier_runs.py` before the code moved into the folders of the approaches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from runs_at_work import nobody_supervises, work_here

from musicgen.approaches import approaches
from musicgen.runs import api
from tests.data.make_earlier_runs import FOLDER, RUNS, content

pytestmark = pytest.mark.numeric
# What is read is the same in all; what is made takes a network to compile.
FAST = ("jazz_lstm", "note_lstm", "spectral_lstm")


@pytest.fixture(autouse=True)
def no_supervisor(home: Path) -> Iterator[None]:
    with nobody_supervises():
        yield


def test_every_approach_of_that_time_is_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.zip")} == set(RUNS)
    assert {key for key, _, _ in RUNS.values()} <= set(approaches())


@pytest.mark.parametrize(
    "name", [each if each in FAST else pytest.param(each, marks=pytest.mark.slow) for each in sorted(RUNS)]
)
def test_it_loads_and_makes_the_same_piece(name: str) -> None:
    run = api.get_run(api.import_run(FOLDER / f"{name}.zip"))
    assert run.approach == RUNS[name][0]
    task = work_here(api.submit_generation(run.id, json.loads((FOLDER / f"{name}.json").read_text()), seed=3))
    assert task.state == "succeeded", task.reason
    made, before = content(api.get_output(task.output_ids[0])), np.load(FOLDER / f"{name}.npy", allow_pickle=False)
    assert made.shape == before.shape
    if made.dtype.kind == "i":
        np.testing.assert_array_equal(made, before)
    else:  # sound comes back from 16 bits; another processor may round a step of it the other way
        np.testing.assert_allclose(made, before, atol=2 / 32_768)
