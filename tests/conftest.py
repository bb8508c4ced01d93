"""Fixtures that every kind of test may ask for by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from children_here import children_here
from records import Databases

# No process with TensorFlow is kept ready, except where that is tested: the suite has no memory to spare.
os.environ.setdefault("MUSICGEN_WARM_MINUTES", "0")
# No compiled program is kept in a test's own folder. `scripts.run_tests` has one folder for all its processes.
os.environ.setdefault("MUSICGEN_COMPILED_MB", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --run-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of the record run on SQLite and on PostgreSQL. `@pytest.mark.record(slow=True)`: on the latter only among
    the slow tests."""
    mark = metafunc.definition.get_closest_marker("record")
    if mark is not None and "record_url" in metafunc.fixturenames:
        marks = [pytest.mark.postgresql, *([pytest.mark.slow] if mark.kwargs.get("slow") else [])]
        kinds = ["sqlite", pytest.param("postgresql", marks=marks)]
        metafunc.parametrize("record_url", kinds, indirect=True)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The PostgreSQL server that all tests of a process share."""
    with Databases.serving() as found:
        yield found


@pytest.fixture
def record_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of an empty record; None: SQLite in the fresh MUSICGEN_HOME, as by default."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    with request.getfixturevalue("databases").fresh() as url:
        yield url


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_url: str | None) -> Path:
    """A fresh MUSICGEN_HOME with its record; child processes inherit both."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MUSICGEN_HOME", str(folder))
    if record_url is None:
        monkeypatch.delenv("MUSICGEN_DATABASE_URL", raising=False)
    else:
        monkeypatch.setenv("MUSICGEN_DATABASE_URL", record_url)
    return folder


@pytest.fixture
def quick_children(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Light children run in this process, see `children_here`; but not in tests marked `real_children`."""
    if request.node.get_closest_marker("real_children") is None:
        children_here(monkeypatch)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with third-party acceptance data beside the checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the acceptance data folder ../shared is not here")
    return folder
