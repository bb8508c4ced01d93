"""The command line as a script sees it: JSON on stdout, one sentence on stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.makers_midi import four_part_score, midi_bytes

ROOT = Path(__file__).resolve().parents[2]


def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`python -m musicgen …`; fails the test when it leaves with another code."""
    done = subprocess.run(
        [sys.executable, "-m", "musicgen", *arguments],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, f"{arguments} left with {done.returncode}:\n{done.stderr[-3000:]}"
    return done


def call_json(*arguments: str, code: int = 0) -> Any:
    return json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture
def tune(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tune.mid"
    path.write_bytes(midi_bytes(four_part_score(64)))
    return path


def test_approaches_are_described_with_their_schemas() -> None:
    found = {each["key"]: each for each in call_json("approaches")}
    assert {"amplitude_lstm", "note_lstm"} <= set(found)
    for each in found.values():
        assert {"key", "title", "medium", "training", "generation", "presets"} <= set(each)
        assert {"original", "quick"} <= set(each["presets"])
        assert "epochs" in each["training"]["properties"]
    assert {"look_back", "activation"} <= set(found["amplitude_lstm"]["training"]["properties"])


def test_add_list_and_remove(tune: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("not a song")
    report = call_json("songs", "add", str(tune), str(bad))["files"]
    assert [file["status"] for file in report] == ["accepted", "rejected"]
    assert report[1]["reason"].count("Received") == 1
    (song,) = call_json("songs", "list")
    assert song["id"] == report[0]["id"]
    call("songs", "rename", song["id"], "Another name")
    assert call_json("songs", "show", song["id"])["name"] == "Another name"
    call("songs", "remove", song["id"])
    assert call_json("songs", "list") == []


def test_the_main_job(tune: Path, tmp_path: Path) -> None:
    plan = call_json("train", "note_lstm", str(tune), "--preset", "quick", "--dry-run")
    assert set(plan) >= {"dataset", "networks", "parameters", "estimate"}
    assert plan["dataset"]["inputs_shape"]
    assert set(plan["estimate"]) == {"seconds_per_epoch", "memory_bytes"}
    run = call_json("train", "note_lstm", "--all-songs", "--preset", "quick", "--set", "epochs=1", "--name", "Mine")
    assert run["state"] == "succeeded"
    assert run["epochs"] == 1
    assert run["parameters"] == plan["parameters"]
    assert run["dataset"] == plan["dataset"]
    assert {"history", "best", "seconds", "dataset", "networks"} <= set(run)
    made = call_json("generate", run["run"], "--count", "2", "--set", "num_notes=24", "--out", str(tmp_path / "out"))
    assert len(made["outputs"]) == 2
    for output in made["outputs"]:
        assert output["notes_per_second"] > 0
        assert Path(output["files"]["mid"]).read_bytes().startswith(b"MThd")
        assert Path(output["files"]["wav"]).parent == tmp_path / "out"
        assert output["metrics"]["num_notes"] == 24
        assert output["copied"]["num_songs"] == 1
        for verdict in output["verdicts"]:
            assert set(verdict) == {"code", "title", "metric", "value", "limit", "cause", "remedies"}
    measured = call_json("compare", str(tune), made["outputs"][0]["id"])
    assert measured["medium"] == "midi"
    assert measured["generated"]["num_notes"] == 24
    assert {"longest_run", "top_note_share", "pitch_class_entropy", "note_density"} <= set(measured["reference"])
    shown = call_json("runs", "show", run["run"])
    assert shown["name"] == "Mine"
    assert len(shown["outputs"]) == 2
    call("runs", "export", run["run"], str(tmp_path / "run.zip"))
    call("runs", "delete", run["run"])
    assert call_json("runs", "list") == []
    back = call_json("runs", "import", str(tmp_path / "run.zip"))
    assert call_json("runs", "show", back["run"])["history"] == run["history"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "no_such", "nothing.mid"), 1, "Known approaches are"),
        (("train", "note_lstm", "nothing.mid"), 1, "No such file"),
        (("runs", "show", "run-000000000000"), 1, "run-000000000000"),
        (("songs", "remove", "../../etc"), 1, "Received"),
        (("songs", "samples", "no_such"), 1, "A sample must be one of"),
        (("songs", "lst"), 2, "No such command"),
        (("train",), 2, "Missing argument"),
        (("train", "note_lstm"), 2, "--all-songs"),
        (("train", "note_lstm", "--all-songs", "--search", "polka"), 1, "none found with 'polka'"),
    ],
)
def test_what_is_wrong_is_said_on_stderr(home: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = call(*arguments, code=code)
    assert words in done.stderr
    assert done.stdout == ""
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_parameter_out_of_bounds_is_named(tune: Path) -> None:
    for setting in ("epochs=0", "no_such=1", "epochs"):
        done = call("train", "note_lstm", str(tune), "--set", setting, code=1)
        assert setting.split("=")[0] in done.stderr


def test_doctor_answers_in_json(home: Path) -> None:
    checks = {check["name"]: check for check in call_json("doctor")["checks"]}
    assert checks["Python"]["status"] in {"ok", "warn"}
    assert all(check["status"] in {"ok", "warn", "missing"} for check in checks.values())
    assert all(check["remedy"] for check in checks.values() if check["status"] == "missing")
