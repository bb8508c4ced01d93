"""The naive side of the race can be run: each network gets what it asks for. Nothing is timed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from musicgen.approaches import approach
from musicgen.benchmarks import generation_race
from musicgen.benchmarks.generation_race import CASES
from musicgen.contract.parameters import read_parameters

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.is_sound])
def test_a_window_is_all_that_a_network_needs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation_race, "NAIVE_STEPS", 2)
    case = CASES[name]
    kind: Any = approach(case.key)
    sizes = {field: value for field, value in kind.tiny.training.items() if field not in case.training}
    training = read_parameters(kind.Training, {**kind.presets[case.preset].training, **sizes, **case.training})
    prepared = kind.prepare(case.songs(tmp_path), training)
    network = next(iter(kind.build(prepared.codec, training).models.values()))
    assert generation_race._predict(network, generation_race._window(case, prepared, network)) == 2
