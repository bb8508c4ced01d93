"""The approach printed in CONTRIBUTING.md works as it stands there, and what the README tells people to type works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import musicgen.approaches
from musicgen.approaches import approaches
from tests.makers_midi import four_part_score, midi_bytes

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = """
import sys
from pathlib import Path
import musicgen.approaches
musicgen.approaches.__path__.append(str(Path(__file__).parent / "approaches"))
"""


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the printed approach, and a module that puts it among the others."""
    folder = tmp_path_factory.mktemp("newcomer")
    code = re.search(r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL)
    assert code is not None
    assert len(code[1].splitlines()) < 130
    (folder / "approaches").mkdir()
    (folder / "approaches" / "note_gru.py").write_text(code[1])
    (folder / "with_newcomer.py").write_text(PLUGIN)
    return folder


def run(newcomer: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(newcomer), str(ROOT)]), "MUSICGEN_HOME": str(home)}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_the_printed_approach_keeps_the_contract(newcomer: Path, home: Path) -> None:
    done = run(
        newcomer, home, "-m", "pytest", "-q", "-p", "with_newcomer", "-p", "no:cacheprovider", "-k", "note_gru",
        "tests/unit/test_approach_contract.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 20


@pytest.fixture
def among_the_others(newcomer: Path, home: Path) -> Iterator[None]:
    musicgen.approaches.__path__.append(str(newcomer / "approaches"))
    approaches.cache_clear()
    try:
        yield
    finally:
        musicgen.approaches.__path__.remove(str(newcomer / "approaches"))
        sys.modules.pop("musicgen.approaches.note_gru", None)
        approaches.cache_clear()


def test_the_pages_show_it(among_the_others: None) -> None:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.switch_page("pages/overview/approaches.py").run()
    assert not app.exception
    assert any("Note GRU" in each.value for each in [*app.markdown, *app.subheader, *app.header, *app.caption])


def test_the_command_line_shows_it(newcomer: Path, home: Path) -> None:
    script = "import with_newcomer; from musicgen.cli import main; main()"
    done = run(newcomer, home, "-c", script, "approaches", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "note_gru" in {each["key"] for each in json.loads(done.stdout)}


def commands_of_the_readme() -> list[str]:
    section = (ROOT / "README.md").read_text().split("## The same without a browser")[1].split("\n## ")[0]
    return re.findall(r"^    python -m musicgen (.+)$", section, re.MULTILINE)


def test_the_readme_has_commands() -> None:
    assert len(commands_of_the_readme()) >= 6


@pytest.mark.slow
def test_every_command_of_the_readme_works_as_it_stands_there(tmp_path: Path) -> None:
    """In order, in a folder with the music that they name; ids are those of the commands before."""
    music = tmp_path / "my-music"
    music.mkdir()
    for seed in range(3):
        (music / f"tune-{seed}.mid").write_bytes(midi_bytes(four_part_score(seed=seed)))
    subprocess.run(["zip", "-qj", "chorales.zip", str(music / "tune-0.mid")], cwd=tmp_path, check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MUSICGEN_HOME": str(tmp_path / "home")}
    ids: dict[str, str] = {}
    for command in commands_of_the_readme():
        for kind, known in ids.items():
            command = command.replace(f"{kind}-…", known)
        shell = f"{sys.executable} -m musicgen {command}"
        done = subprocess.run(
            shell, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
        for found in re.findall(r"\b(song|run|output|study)-[0-9a-z]{12}\b", done.stdout):
            ids[found] = re.search(rf"\b{found}-[0-9a-z]{{12}}\b", done.stdout)[0]  # type: ignore[index]
