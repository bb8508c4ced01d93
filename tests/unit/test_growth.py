"""The simulation of many workers: it measures real work, and its page keeps what is written around the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import growth


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_workers_finish_runs_while_the_pages_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kind: str
) -> None:
    if kind == "postgresql":
        request.getfixturevalue("databases")  # skips where there is no server
    for name in ("MUSICGEN_HOME", "MUSICGEN_DATABASE_URL", "MUSICGEN_WARM_MINUTES"):
        monkeypatch.setenv(name, "")  # so that it is set back afterwards
    case = growth.many_workers(kind, 4, 1)
    assert case["errors"] == []
    assert case["runs a second"] > 0
    assert 0 < case["wish"] < 5
    assert 0 < case["page"] < 60


def test_the_page_keeps_what_is_written_around_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "growth.md"
    page.write_text(f"# Before\n\n{growth.BEGIN}\nold\n{growth.END}\n\nAfter \\1.\n")
    monkeypatch.setattr(growth, "RESULTS", page)
    names = ("submit", "start", "round", "wish", "write", "round processor", "page processor")
    seconds = dict.fromkeys(names, 0.0123)
    case = {"record": "sqlite", "workers": 10, "runs a second": 1.5, "page": 0.2, "slowest page": "songs"}
    looks = {"sqlite": [("a look, songs", 3_000, 0.004, 0.003)]}
    growth.write(growth.table([{**case, **seconds, "errors": ["locked"]}], looks))
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After \\1.\n")
    assert "old" not in text
    assert "| sqlite | 10 | 1.50 | 12 ms | 12 ms | 12 ms | 12 ms | 12 ms | 12 ms | 0.20 s (songs) | 12 ms | 1 |" in text
    assert "| a look, songs | 3,000 | 4.0 ms, 3.0 ms |" in text
