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


def test_free_memory_is_what_the_machine_and_its_container_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.setattr(machine, "_free_of_machine", lambda: 5000)
    monkeypatch.setattr(machine, "_control_groups", lambda: [inner, inner.parent, tmp_path])
    assert machine.free_memory_bytes() == 5000
    for folder, limit in ((inner, "max"), (inner.parent, "4000")):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("3500\n")
        (folder / "memory.stat").write_text("anon 3000\ninactive_file 400\n")
    assert machine.free_memory_bytes() == 900
    (inner.parent / "memory.current").write_text("9999\n")
    assert machine.free_memory_bytes() == 0
    monkeypatch.setattr(machine, "_free_of_machine", lambda: None)
    monkeypatch.setattr(machine, "_control_groups", list)
    assert machine.free_memory_bytes() is None


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_this_machine_has_some_free_memory() -> None:
    assert 0 < (machine.free_memory_bytes() or 0) < (machine.memory_bytes() or 0)
