"""The frame of the benchmarks: which lines there are, and the table. Nothing is timed here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from musicgen.benchmarks import Line, Skipped, running, table
from musicgen.errors import NotFound

LINES = {
    "good": lambda: Line("good", 300.0, 2.0, "the naive way", "notes/s", limit_share=0.5),
    "small": lambda: Line("small", 50.0, 200.0, "everything in memory", "MB, less is better", less_is_better=True),
}


@pytest.fixture(autouse=True)
def only_these_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(running, "topics", lambda: {"topic": LINES})
    monkeypatch.setattr(table, "RESULTS", tmp_path)


def _row(name: str) -> dict[str, Any]:
    return running._measure({"name": name})


def test_a_ratio_says_how_many_times_better_ours_is() -> None:
    assert _row("good")["ratio"] == 150
    assert _row("small")["ratio"] == 4


def test_a_name_means_a_line_a_topic_or_all() -> None:
    assert running.names_of("good") == ["good"]
    assert running.names_of("topic") == running.names_of("all") == ["good", "small"]
    with pytest.raises(NotFound, match="topic, good, small"):
        running.names_of("better")


def test_a_line_without_its_peer_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> Line:
        raise Skipped("PyTorch is not installed.")

    monkeypatch.setitem(LINES, "peer", without)
    assert _row("peer") == {"name": "peer", "skipped": "PyTorch is not installed."}
    path = table.publish([_row("peer")])
    (row,) = json.loads(path.read_text())
    assert row["ratio"] is None
    assert "- peer: PyTorch is not installed." in path.with_suffix(".md").read_text()


def test_the_table_keeps_what_was_measured_before_and_drops_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    table.publish([_row("good")])
    path = table.publish([_row("small"), {"name": "good", "failed": "killed"}])
    rows = {row["name"]: row for row in json.loads(path.read_text())}
    assert rows.keys() == {"good", "small"}
    assert rows["good"].keys() >= {"name", "ours", "baseline", "baseline_name", "ratio", "unit", "limit_share"}
    text = path.with_suffix(".md").read_text()
    assert "| good | 300 | the naive way | 2 | 150 × | notes/s | 50% |" in text
    assert rows["good"]["machine"] in text
    monkeypatch.delitem(LINES, "good")
    assert [row["name"] for row in json.loads(table.publish([]).read_text())] == ["small"]


def test_every_topic_has_lines_that_nothing_else_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    names = [name for topic in running.topics().values() for name in topic]
    assert names
    assert len(set(names)) == len(names)
