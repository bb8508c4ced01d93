"""Proposals are a function of the seed and the trials before; when a trial is stopped early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from musicgen.search.curves import PARTS, curve_of, stopped_at
from musicgen.search.proposing import JOURNAL, propose

KNOBS = [
    {"name": "rate", "title": "Rate", "values": [1, 2, 3, 4, 5, 6, 7, 8], "ordered": True, "start": 6},
    {"name": "kind", "title": "Kind", "values": ["a", "b", "c"], "ordered": False, "start": 0},
    {"name": "idle", "title": "Idle", "values": [0, 1, 2, 3], "ordered": True, "start": 1},
]


def loss(places: dict[str, int]) -> float:
    return 1.0 + abs(places["rate"] - 2) / 4 + 0.5 * (places["kind"] != 1)


def ask(folder: Path, trials: list[dict[str, Any]], *, seed: int = 1, wants_trial: bool = True) -> dict[str, Any]:
    return propose({"folder": str(folder), "seed": seed, "knobs": KNOBS, "trials": trials, "wants_trial": wants_trial})


def told(places: dict[str, int], number: int) -> dict[str, Any]:
    """How a trial went: every fourth is stopped early, every seventh fails."""
    state = "failed" if number % 7 == 5 else "pruned" if number % 4 == 3 else "succeeded"
    value = None if state == "failed" else loss(places)
    curve = [] if value is None else [value] * (PARTS if state == "succeeded" else 8)
    return {"state": state, "places": places, "value": value, "curve": curve}


def study(folder: Path, count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = []
    for number in range(count):
        trials.append(told(ask(folder, trials, seed=seed)["places"], number))
    return trials


def test_the_same_seed_gives_the_same_proposals(tmp_path: Path) -> None:
    first = study(tmp_path / "study-a", 14)
    again = study(tmp_path / "study-b", 14)
    assert first == again
    assert first != study(tmp_path / "study-c", 14, seed=2)
    assert first[0]["places"] == {"rate": 6, "kind": 0, "idle": 1}, "the preset"
    assert len({str(trial["places"]) for trial in first}) == 14, "no trial twice"


def test_a_lost_or_broken_journal_changes_nothing(tmp_path: Path) -> None:
    """The record is the truth: Optuna's journal is made anew from it."""
    trials = study(tmp_path / "study-a", 9)
    expected = ask(tmp_path / "study-a", trials)
    (tmp_path / "study-a" / JOURNAL).write_bytes(b"{broken")
    (tmp_path / "study-a" / f"77.{JOURNAL}.lock").write_bytes(b"")
    assert ask(tmp_path / "study-a", trials) == expected
    assert [path.name for path in (tmp_path / "study-a").iterdir()] == [JOURNAL]
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study-a" / JOURNAL))
    kept = optuna.load_study(study_name="study-a", storage=optuna.storages.JournalStorage(backend))
    states = [trial.state.name for trial in kept.trials]
    assert states == ["COMPLETE"] * 3 + ["PRUNED", "COMPLETE", "FAIL", "COMPLETE", "PRUNED", "COMPLETE", "RUNNING"]
    assert kept.trials[-1].params == expected["places"]


@pytest.mark.slow
def test_it_finds_better_settings_and_what_mattered(tmp_path: Path) -> None:
    trials = study(tmp_path / "study-a", 30)
    values = [trial["value"] for trial in trials if trial["value"] is not None]
    assert min(values) <= 1.25 < values[0]
    importance = ask(tmp_path / "study-a", trials, wants_trial=False)["importance"]
    assert importance["idle"] == min(importance.values())
    assert sum(importance.values()) == pytest.approx(1)
    assert ask(tmp_path / "study-a", trials[:2], wants_trial=False) == {"places": None, "importance": {}}


def rows(*values: float) -> list[dict[str, Any]]:
    return [{"epoch": epoch, "loss": 9.0, "val_loss": value} for epoch, value in enumerate(values, 1)]


def test_curves_are_by_share_of_the_work() -> None:
    assert curve_of(rows(3, 2, 4), 20, has_ended=False) == [3, 2, 2]
    assert curve_of(rows(3, 2), 4, has_ended=False) == [None] * 4 + [3] * 5 + [2]
    assert curve_of(rows(3, 2), 40, has_ended=False) == [2]
    assert curve_of(rows(3, 2), 4, has_ended=True) == [None] * 4 + [3] * 5 + [2] * 11
    assert curve_of([], 4, has_ended=False) == []


def test_a_trial_is_stopped_when_half_of_the_others_were_better() -> None:
    others = [[value] * PARTS for value in (1.0, 2.0, 3.0, 4.0)]
    assert stopped_at([2.6] * 5, others) == 5
    assert stopped_at([2.6] * 4, others) is None, "too early"
    assert stopped_at([2.4] * PARTS, others) is None
    assert stopped_at([2.4] * 9 + [2.6] * 3, others) == 10
    assert stopped_at([2.6] * 5, others[:3]) is None, "too few to compare with"
    assert stopped_at([None] * 5 + [2.6], others) == 6
    assert stopped_at([2.4] * (PARTS - 1) + [9.0], others) is None, "it has ended by then"
