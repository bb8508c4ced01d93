"""Blind tests from the command line: files to listen to elsewhere, answers, results."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from command_line import CommandLine

from musicgen.audio.waveform import Waveform
from musicgen.listening.records import get_test
from tests.app.stored_work import add_output, add_run, add_song

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def output(home: Path) -> str:
    rng = np.random.default_rng(1)
    song, piece = (Waveform(rng.uniform(-0.3, 0.3, (1, 40 * 8000)).astype(np.float32), 8000) for _ in range(2))
    return add_output(add_run([add_song("The original", song)]), piece, name="The piece")


def test_a_whole_test_without_a_browser(output: str, call: CommandLine, tmp_path: Path) -> None:
    begun = call("blind", "start", output, "--rounds", "10", "--seconds", "1", "--out", str(tmp_path / "r"), "--json")
    document = begun.document
    test_id = document["id"]
    assert (document["state"], document["rounds"], document["answered"]) == ("open", 10, 0)
    assert len(document["files"]) == 10
    for paths in document["files"]:
        assert set(paths) == {"A", "B"}
        for path in paths.values():
            with wave.open(path) as file:
                assert (file.getframerate(), file.getnframes()) == (8000, 8000)
    for told in (begun.out, call("blind", "show", test_id, "--json").out, call("blind", "list", "--json").out):
        assert "sides" not in told
        assert "The piece" not in told
    right = [one["right"] for one in get_test(test_id).sealed["rounds"]]
    call("blind", "answer", test_id, *right[:4])
    assert call("blind", "show", test_id, "--json").document["answered"] == 4
    last = [*right[4:8], *("b" if each == "a" else "a" for each in right[8:])]
    result = call("blind", "answer", test_id, *(each.upper() for each in last), "--json").document
    assert result["state"] == "finished"
    assert result["result"]["n_right"] == 8
    assert result["result"]["p_value"] == pytest.approx(56 / 1024)
    assert result["result"]["confusion_rate"] == pytest.approx(0.2)
    assert [each["right"] for each in result["answers"]] == right
    assert "Taken for real in 2 of 10 rounds" in call("blind", "list", "--output", output).out
    assert "8 of 10 right" in call("blind", "show", test_id).out
    (listed,) = json.loads(call("blind", "list", "--json").out)
    assert listed["id"] == test_id
    call("blind", "delete", test_id)
    assert call("blind", "list", "--json").document == []


def test_what_cannot_be_is_one_sentence(output: str, call: CommandLine) -> None:
    assert "10 to 25 rounds. Received: 9." in call("blind", "start", output, "--rounds", "9", code=1).err
    assert "kind of a blind test" in call("blind", "start", output, "--kind", "xyz", code=1).err
    assert "No such output" in call("blind", "start", "output-000000000000", code=1).err
    assert "Received: 'test-nothing'" in call("blind", "show", "test-nothing", code=1).err
    test_id = call("blind", "start", output, "--rounds", "10", "--seconds", "1", "--json").document["id"]
    assert "A or B" in call("blind", "answer", test_id, "c", code=1).err
    assert "10 rounds left" in call("blind", "answer", test_id, *"a" * 11, code=1).err
    assert get_test(test_id).answers == ()
    assert "given up" in call("blind", "give-up", test_id).out
    assert "given up" in call("blind", "answer", test_id, "a", code=1).err
