"""Spoiled files through the command line into a library: they keep all that independent readers find in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.spoil_songs import LEAST_SHARE, Result, spoil


def check(results: list[Result], count: int) -> None:
    assert len(results) == count
    short = [result for result in results if result.what in ("refused", "incomplete")]
    told = [f"{result.what}: {result.case.path.name}: {result.reason}" for result in short]
    assert len(short) <= (1 - LEAST_SHARE) * count, "\n".join(told)
    assert all(len(result.reason) > 20 for result in results if result.what == "refused"), told


def test_spoiled_files_are_added_with_all_that_is_in_them(tmp_path: Path) -> None:
    check(spoil(120, 5, tmp_path / "few", with_corpus=False), 120)


@pytest.mark.slow
def test_a_thousand_spoiled_files_are_added_with_all_that_is_in_them(tmp_path: Path) -> None:
    check(spoil(1_000, 9, tmp_path / "many"), 1_000)
