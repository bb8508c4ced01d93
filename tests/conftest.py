"""Fixtures that every kind of test may ask for by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# No process with TensorFlow is kept ready, except where that is tested: the suite has no memory to spare.
os.environ.setdefault("MUSICGEN_WARM_MINUTES", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --run-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh MUSICGEN_HOME; child processes inherit it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MUSICGEN_HOME", str(folder))
    monkeypatch.delenv("MUSICGEN_DATABASE_URL", raising=False)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with third-party acceptance data beside the checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the acceptance data folder ../shared is not here")
    return folder
