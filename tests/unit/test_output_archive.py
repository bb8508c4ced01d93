"""An output as one zip archive: everything in it, and what could not be made is told."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musicgen.comparison.archive import output_zip, reference_of
from musicgen.errors import ResourceUnavailable
from musicgen.runs.api import get_output
from musicgen.songs.library import remove_song
from tests.app.stored_work import NASTY, add_output, add_run, add_song, tone, tune

pytestmark = pytest.mark.usefixtures("quick_children")

ROOT = Path(__file__).resolve().parents[2]


def test_an_output_with_all_of_it(home: Path, tmp_path: Path) -> None:
    song = add_song("A tune", tune())
    output_id = add_output(add_run([song], approach="note_lstm"), tune(seed=2), name="New")
    path = tmp_path / "new.zip"
    command = [sys.executable, "-m", "musicgen", "outputs", "export", output_id, "--format", "zip", "--out", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        kinds = ("mid", "musicxml", "svg", "pdf", "wav", "mp3", "flac", "ogg", "m4a")
        wanted = {*(f"New.{kind}" for kind in kinds), "report.html", "settings.json", "README.txt"}
        assert set(archive.namelist()) == wanted
        assert json.loads(archive.read("settings.json"))["id"] == output_id
        assert archive.read("New.mid") == get_output(output_id).clip.score_path.read_bytes()
        assert archive.read("report.html").startswith(b"<!doctype html>")


def test_what_cannot_be_made_is_left_out_and_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from musicgen.comparison import archive as module

    real = module.export_path

    def without_ffmpeg(clip: object, format: str) -> Path:
        if format == "m4a":
            raise ResourceUnavailable("M4A needs FFmpeg. Received: none.")
        return real(clip, format)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "export_path", without_ffmpeg)
    song = add_song("A tone", tone())
    output = get_output(add_output(add_run([song]), tone(), name=NASTY))
    remove_song(song)
    with zipfile.ZipFile(io.BytesIO(output_zip(output))) as archive:
        names = archive.namelist()
        assert {Path(name).suffix for name in names} == {".wav", ".mp3", ".flac", ".ogg", ".json", ".txt"}
        assert not [name for name in names if "/" in name or "\\" in name or ".." in name]
        readme = archive.read("README.txt").decode()
    assert "M4A needs FFmpeg." in readme
    assert "none of this output's songs exists" in readme


def test_the_song_that_an_output_is_compared_with(home: Path) -> None:
    first, second = add_song("first", tone()), add_song("second", tone())
    run = add_run([first, second])
    plain = get_output(add_output(run, tone()))
    led = get_output(add_output(run, tone(), reference={"song_id": second, "start_seconds": 0.0, "name": "x"}))
    assert reference_of(plain) == first
    assert reference_of(led) == second
    remove_song(first)
    assert reference_of(plain) == second
