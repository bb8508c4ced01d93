"""Slow work in the background of a page: once per key; of a group, only the newest."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pages.ui.background import forget, is_settled, later


@pytest.mark.usefixtures("home")
def test_the_same_key_is_worked_on_once() -> None:
    calls = []
    first = later("same", lambda: calls.append(1) or "made")
    second = later("same", lambda: calls.append(2) or "made again")
    assert (first.result(5), second.result(5), calls) == ("made", "made", [1])
    forget("same")
    assert later("same", lambda: "made anew").result(5) == "made anew"


def test_another_home_is_other_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setenv("MUSICGEN_HOME", str(tmp_path / name))
        assert later("key", lambda name=name: name).result(5) == name


@pytest.mark.usefixtures("home")
def test_waiting_work_of_a_group_is_dropped_for_newer_work() -> None:
    gate = threading.Event()
    blockers = [later(f"blocker {index}", lambda: gate.wait(10)) for index in range(3)]
    old = later("old plan", lambda: "old", group="plan")
    new = later("new plan", lambda: "new", group="plan")
    assert not is_settled(new, 0.05)
    gate.set()
    assert new.result(5) == "new"
    assert old.cancelled()
    assert all(future.result(5) for future in blockers)
    assert later("old plan", lambda: "old, asked for again", group="plan").result(5) == "old, asked for again"


@pytest.mark.usefixtures("home")
def test_an_error_settles_the_work() -> None:
    def fails() -> None:
        raise ValueError("no")

    future = later("fails", fails)
    assert is_settled(future, 5)
    assert isinstance(future.exception(), ValueError)
