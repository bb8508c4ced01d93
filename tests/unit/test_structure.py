"""The house rules that a linter cannot hold: what the server process may load, and which way imports run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "tensorflow",
    "keras",
    "jax",
    "librosa",
    "music21",
    "numba",
    "symusic",
    "soundfile",
    "pydub",
    "verovio",
    "fpdf",
    "optuna",
    "ray",
}

# From the ground up; a package may import only those before it (and itself), anywhere in its code.
ORDER = [
    "errors",
    "faults",
    "wording",
    "letters",
    "charsets",
    "machine",
    "settings",
    "child",
    "processes",
    "storage",
    "audio",
    "symbolic",
    "clips",
    "contract",
    "songs",
    "hearing",
    "floors",
    "codecs",
    "networks",
    "sampling",
    "approaches",
    "starters",
    "evaluation",
    "runs",
    "search",
    "listening",
    "comparison",
    "lessons",
    "doctor",
    "benchmarks",
    "cli",
]
PARTS = {"floors", "codecs", "networks", "sampling"}  # what several approaches build on
SHARED = ("musicgen.approaches.notes", "musicgen.approaches.network_approach")

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


def _name(path: Path) -> str:
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


MODULES = {_name(path): path for path in sorted((ROOT / "musicgen").rglob("*.py"))}


def _imports(path: Path) -> set[str]:
    """The modules of musicgen that a file imports anywhere: when it is loaded, inside functions, and for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("musicgen"):
            names = [f"{node.module}.{name.name}" for name in node.names]
            found |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("musicgen.")}
    return found - {_name(path)}


IMPORTS = {name: _imports(path) for name, path in MODULES.items()}


def _package(dotted: str) -> str:
    """`musicgen.audio.wav` → audio."""
    return dotted.split(".")[1] if "." in dotted else dotted


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"musicgen", "musicgen.__main__"}))
def test_imports_run_one_way(name: str) -> None:
    own = _package(name)
    assert own in ORDER, f"{own} has no place in this house"
    for other in IMPORTS[name] - {"musicgen"}:
        assert ORDER.index(_package(other)) <= ORDER.index(own), f"{name} imports {other}"


def _family(name: str) -> str | None:
    """The approach whose folder or file a module is; None for what is no approach's own."""
    if not name.startswith("musicgen.approaches.") or name.startswith(SHARED):
        return None
    return name.split(".")[2]


def test_families_are_closed() -> None:
    """No approach imports another's own files, and what they share imports none of them."""
    for name, imported in IMPORTS.items():
        for other in imported:
            own, theirs = _family(name), _family(other)
            if name.startswith("musicgen.approaches"):
                assert theirs in (None, own), f"{name} imports {other}"


def _users(name: str) -> set[str]:
    """Everything that uses a module, directly or by way of other shared parts."""
    users, waiting = set(), [name]
    while waiting:
        part = waiting.pop()
        for user in (user for user, imported in IMPORTS.items() if part in imported and user not in users):
            users.add(user)
            if _package(user) in PARTS or user.startswith(SHARED):
                waiting.append(user)
    return users


SHARED_PARTS = [
    name for name in MODULES if (_package(name) in PARTS and name.count(".") == 2) or "approaches.notes." in name
]


@pytest.mark.parametrize("name", SHARED_PARTS)
def test_what_one_approach_alone_uses_is_in_its_folder(name: str) -> None:
    users = _users(name)
    families = {family for family in map(_family, users) if family}
    others = {_package(user) for user in users} - PARTS - {"approaches"}
    assert len(families) >= 2 or others - {"benchmarks"}, f"only {families} uses {name}"


def test_no_circle() -> None:
    """Every module can be reached before those that import it: a topological order exists."""
    graph = {name: imported & set(MODULES) for name, imported in IMPORTS.items()}
    while ready := {name for name, imported in graph.items() if not imported & set(graph)}:
        graph = {name: imported for name, imported in graph.items() if name not in ready}
    assert not graph, f"circles among {sorted(graph)}"


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
