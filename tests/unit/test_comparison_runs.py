"""Runs against each other: what differs, how far each came, which pieces belong side by side."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from musicgen.comparison.runs import MISSING, differing_settings, made_alike, standing

pytestmark = pytest.mark.record(slow=True)


def run(approach: str = "note_lstm", **more: Any) -> Any:
    fields: dict[str, Any] = {
        "id": more.pop("id", "run-1"), "approach": approach, "history": [], "best_epoch": None, "prepared": {},
    }  # fmt: skip
    for name in ("history", "best_epoch", "prepared"):
        fields[name] = more.pop(name, fields[name])
    request = {"preset": "quick", "songs": [{"id": "song-1", "name": "A"}], "seed": 0, "training": {"epochs": 3}}
    return SimpleNamespace(**fields, request={**request, **more})


def output(seed: int, *, prompt: str | None = None, temperature: float = 1.0, id: str = "") -> Any:
    sidecar = {"seed": seed, "prompt": {"id": prompt} if prompt else None, "generation": {"temperature": temperature}}
    return SimpleNamespace(id=id or f"output-{seed}", sidecar=sidecar)


def test_only_what_differs_is_listed_with_the_titles_of_the_form() -> None:
    first = run(training={"epochs": 3, "units": 64, "learning_rate": 0.001})
    second = run(training={"epochs": 5, "units": 64, "learning_rate": 0.001}, seed=2)
    assert [(each.title, each.values) for each in differing_settings([first, second])] == [
        ("Seed", (0, 2)), ("Epochs", (3, 5)),
    ]  # fmt: skip


def test_a_setting_that_another_approach_lacks_is_missing_there() -> None:
    found = differing_settings([run(training={"epochs": 3}), run("jazz_lstm", training={"epochs": 3, "units": 9})])
    assert {each.name: each.values for each in found} == {
        "approach": ("Note LSTM", "Jazz LSTM"), "units": (MISSING, 9),
    }  # fmt: skip


def test_equal_runs_differ_in_nothing_and_damaged_ones_are_compared() -> None:
    assert differing_settings([run(), run()]) == []
    assert [each.name for each in differing_settings([run(), run(songs=None, training=None)])] == ["songs", "epochs"]


def test_the_standing_is_the_best_epoch_beside_the_lowest_useful_floor() -> None:
    history = [{"epoch": 1, "loss": 3.0, "val_loss": 3.1}, {"epoch": 2, "loss": 2.0, "val_loss": 2.5}]
    prepared = {"floors": {"uniform": 4.2, "unigram": 3.1, "bigram": 5.0}, "parameters": [100, 20], "networks": 2}
    found = standing(run(history=history, best_epoch=2, prepared=prepared))
    assert (found.loss, found.is_validation, found.epoch, found.weights) == (2.5, True, 2, 120)
    assert found.margin == pytest.approx(0.6)
    assert standing(run()).loss is None


def test_pieces_with_the_same_seed_prompt_and_settings_belong_together() -> None:
    found = made_alike(
        {
            "run-1": [output(1, id="newer"), output(1, id="older"), output(2)],
            "run-2": [output(1, id="other"), output(2, temperature=0.5)],
            "run-3": [output(1, prompt="song-1"), output(2, id="third")],
        }
    )
    assert [{key: each.id for key, each in pieces.items()} for _, pieces in found] == [
        {"run-1": "newer", "run-2": "other"}, {"run-1": "output-2", "run-3": "third"},
    ]  # fmt: skip
