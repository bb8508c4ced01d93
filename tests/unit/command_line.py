"""The command line in this process, for tests of many commands: what it printed, and the code with which it left."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from musicgen.cli import main


@dataclass(frozen=True)
class Left:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch
        monkeypatch.setenv("COLUMNS", "200")

    def __call__(self, *arguments: str, code: int = 0) -> Left:
        """`python -m musicgen …`; fails the test when it leaves with another code."""
        self.monkeypatch.setattr(sys, "argv", ["musicgen", *arguments])
        self.capsys.readouterr()
        left = 0
        try:
            main()
        except SystemExit as end:
            left = int(end.code or 0)
        told = self.capsys.readouterr()
        found = Left(left, told.out, told.err)
        assert found.code == code, f"{arguments} left with {found.code}:\n{found.out[-1000:]}\n{found.err[-3000:]}"
        return found
