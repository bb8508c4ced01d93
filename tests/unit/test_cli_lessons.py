"""Lessons from the command line; all five for real are slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from musicgen.audio.wav import WavWriter
from tests.app.stored_work import add_song, tone, tune

ROOT = Path(__file__).resolve().parents[2]
FIVE = ("floor", "by_heart", "temperature", "who_copies", "look_back")


def lessons(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "musicgen", "lessons", *words]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=seconds, check=False
    )


def told(*words: str, seconds: float = 120) -> dict[str, Any]:
    done = lessons(*words, "--json", seconds=seconds)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_list_and_a_lesson(home: Path) -> None:
    assert [each["lesson"] for each in told("list")["lessons"]] == list(FIVE)
    shown = told("show", "floor")
    assert [answer["key"] for answer in shown["predict"]["answers"]] == ["table", "at_once", "later"]
    unknown = lessons("show", "nothing")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "A lesson must be one of floor" in unknown.stderr


def test_nothing_runs_without_a_prediction_or_with_the_wrong_songs(home: Path) -> None:
    missing = lessons("run", "floor")
    assert missing.returncode == 2
    assert "table, at_once, later" in missing.stderr
    sound = add_song("my song", tone())
    wrong = lessons("run", "floor", sound, "--answer", "later")
    assert wrong.returncode == 1
    assert wrong.stderr.count("This lesson needs notes (MIDI songs).") == 1
    assert told("list")["lessons"][0]["attempt"] is None


@pytest.mark.slow
@pytest.mark.numeric
def test_all_five_lessons_from_the_command_line(home: Path) -> None:
    """On their samples, each as it is. What came out is judged from its own numbers, so any outcome may be right."""
    for key in FIVE:
        answer = told("show", key)["predict"]["answers"][0]["key"]
        done = told("run", key, "--answer", answer, seconds=3000)
        assert done["finished"]
        assert all(number is not None for number in done["values"].values()), (key, done["values"])
        assert done["is_right"] is (done["answer"] == answer)
        assert all(made for run in done["runs"] for made in run["pieces"].values())
        assert done["why"]
        assert "–" not in done["why"][0]
    out = home / "lessons.html"
    assert lessons("report", str(out), seconds=600).returncode == 0
    page = out.read_text(encoding="utf-8")
    assert page.count("<h3>Why</h3>") == 5
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert out.stat().st_size < 22_000_000


@pytest.mark.slow
@pytest.mark.numeric
def test_lessons_on_own_songs(home: Path, tmp_path: Path) -> None:
    """Notes from the library, and sound from a file: a library of sound alone can do the lesson on sound."""
    songs = [add_song(f"tune {number}", tune(200, seed=number)) for number in range(4)]
    done = told("run", "floor", *songs, "--answer", "table", seconds=1500)
    assert done["finished"]
    assert [song["name"] for song in done["songs"]] == [f"tune {number}" for number in range(4)]
    path = tmp_path / "mine.wav"
    own = tone(12.0, frequency=220.0)
    with WavWriter(path, own.sample_rate, own.n_channels) as writer:
        writer.write(own.samples)
    done = told("run", "look_back", str(path), "--answer", "nothing", seconds=1500)
    assert done["finished"]
    assert done["values"]["far_seconds"] == pytest.approx(513 / 8000)
