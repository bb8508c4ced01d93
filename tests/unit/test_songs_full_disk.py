"""A disk that is really full: a small file system of our own, mounted in a namespace of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.processes import ROOT

PROGRAM = """
import io, json, sys
from musicgen.settings import home
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import list_songs
from musicgen.songs.tidying import inspect, tidy
from tests.makers_midi import midi_bytes, scale_score
from tests.unit.test_songs_intake import sound

def add(**files):
    report = add_uploads([Upload(f"{name}.x", stream=io.BytesIO(content)) for name, content in files.items()])
    tidy(0)
    found = inspect()
    assert (found.dangling, found.folders, found.blobs) == ((), (), ()), found
    assert list((home() / "tmp").iterdir()) == []
    return [(file.status, file.code) for file in report.files]

print(json.dumps([
    add(small=midi_bytes()),
    add(larger_than_the_disk=b"RIFF" + bytes(9 << 20), small=midi_bytes(scale_score(20))),
    add(larger_when_decoded=sound("FLAC", seconds=200, sample_rate=16_000), small=midi_bytes(scale_score(21))),
    len(list_songs()),
]))
"""


def in_a_small_file_system(home: Path, megabytes: int) -> list[str]:
    script = f'mount -t tmpfs -o size={megabytes}m none "$MUSICGEN_HOME" && exec "$0" -c "$1"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable]


@pytest.fixture
def small_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUSICGEN_MIN_FREE_MB", "0")
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (Linux)")
    tried = subprocess.run([*in_a_small_file_system(home, 1), "pass"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no mounting here: {tried.stderr.strip()[:100]}")
    return home


def test_a_full_disk_costs_the_file_that_fills_it(small_home: Path) -> None:
    done = subprocess.run(
        [*in_a_small_file_system(small_home, 8), PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ.copy(),
    )
    assert done.returncode == 0, done.stderr
    first, second, third, count = json.loads(done.stdout)
    assert first == [["accepted", ""]]
    assert second == [["rejected", "disk_full"], ["accepted", ""]]
    assert third == [["rejected", "disk_full"], ["accepted", ""]]
    assert count == 3
