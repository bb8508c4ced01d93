"""The house rules that a linter cannot hold: what the server process may load, and which way imports run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"tensorflow", "keras", "jax", "librosa", "music21", "numba", "symusic", "soundfile", "pydub"}

# From the ground up; a package may import only those before it (and itself).
ORDER = [
    "errors",
    "faults",
    "letters",
    "charsets",
    "settings",
    "machine",
    "child",
    "processes",
    "storage",
    "audio",
    "symbolic",
    "clips",
    "contract",
    "songs",
    "evaluation",
    "codecs",
    "networks",
    "sampling",
    "floors",
    "approaches",
    "runs",
    "doctor",
    "benchmarks",
    "cli",
]

VISIT_EVERY_PAGE = """
import sys
from streamlit.testing.v1 import AppTest
from pages.ui.navigation import PLACES
app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
for place in PLACES.values():
    app.switch_page(place.file).run()
    assert not app.exception, (place, app.exception)
print("\\n".join(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_no_page_loads_a_heavy_library(home: Path) -> None:
    """In a fresh interpreter: all pages visited, then what is loaded."""
    environment = {**os.environ, "MUSICGEN_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VISIT_EVERY_PAGE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    loaded = set(done.stdout.split())
    assert "streamlit" in loaded
    assert not loaded & HEAVY


def _package(dotted: str) -> str:
    """`musicgen.audio.wav` → audio."""
    return dotted.split(".")[1]


def _imports(path: Path) -> Iterator[str]:
    """The musicgen packages that a file imports when it is loaded; not those inside functions or for types."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("musicgen."):
            yield _package(node.module or "")
        elif isinstance(node, ast.Import):
            yield from (_package(name.name) for name in node.names if name.name.startswith("musicgen."))


@pytest.mark.parametrize("path", sorted((ROOT / "musicgen").rglob("*.py")), ids=lambda path: path.stem)
def test_imports_run_one_way(path: Path) -> None:
    own = _package(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own in ("__init__", "__main__"):
        return
    assert own in ORDER, f"{own} has no place in this house"
    for other in set(_imports(path)) - {own}:
        assert ORDER.index(other) < ORDER.index(own), f"{own} imports {other}"


def test_nothing_directly_in_pages() -> None:
    """A .py right in pages/ would run by itself on a first visit by deep link, without the entry point."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_nothing_is_unpickled_or_deserialised_as_a_program() -> None:
    forbidden = ("load_model", "enable_unsafe_deserialization", "pickle.load", "joblib.load", "allow_pickle=True")
    for path in [*(ROOT / "musicgen").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        text = path.read_text()
        assert not [word for word in forbidden if word in text], path


def test_the_server_is_closed_by_default() -> None:
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    server = config["server"]
    assert server["address"] == "127.0.0.1"
    assert server["allowedHosts"] == ["localhost", "127.0.0.1"]
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True
    assert server["enableStaticServing"] is False
    assert server["enableAgentApi"] is False
    assert server["fileWatcherType"] == "none"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
