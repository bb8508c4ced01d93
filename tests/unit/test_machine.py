"""What a process may use of the machine, and how it gives way to others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen import machine

GIVE_WAY = """
import os
from pathlib import Path
from musicgen.machine import give_way

before, group = os.nice(0), Path("/proc/self/autogroup")
give_way(7)
print(os.nice(0) - before, group.read_text().split()[-1] if group.is_file() else 7)
"""


@pytest.mark.skipif(os.name != "posix", reason="niceness is a word of Unix")
def test_giving_way_counts_among_the_sessions_of_the_machine_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIVE_WAY],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.split() == ["7", "7"]


CPUINFO = {
    "x86": "processor\t: 0\nmodel name\t: Some Core 7\nflags\t\t: fpu sse4_2 avx avx2\n\nflags\t: avx512f\n",
    "arm": "processor\t: 0\nFeatures\t: fp asimd\n\n",
}


@pytest.mark.parametrize(("kind", "expected"), [("x86", "Some Core 7, avx2"), ("arm", "aarch64, asimd")])
def test_the_processor_is_named_with_its_widest_instructions(
    kind: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: CPUINFO[kind])
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert machine.processor() == expected


def test_without_a_list_of_features_the_system_names_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Path) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    assert machine.processor() == "arm64"
