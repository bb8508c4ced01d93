"""Compiled programs on disk: only intact ones are used, their number is bounded, and what they compute is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.approaches import approaches
from musicgen.errors import StorageUnavailable
from musicgen.faults import in_words, is_storage_fault
from musicgen.networks.out_of_memory import is_out_of_memory
from musicgen.processes import ROOT
from musicgen.runs import compiled_programs, identity
from musicgen.runs.compiled_programs import OPTIONS, KeptPrograms, open_programs

PLENTY = 1_000_000
# What a worker does: an approach's tiny networks are trained, and a piece is made with them.
WORK = """
import hashlib, json, sys, time
from pathlib import Path
from musicgen.runs.compiled_programs import keep_programs, open_programs
open_programs("cpu")
import numpy as np
from musicgen.approaches import approach
from musicgen.benchmarks.race_music import sounding, written
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
kind = approach(sys.argv[1])
training = read_parameters(kind.Training, kind.tiny.training)
folder = Path(sys.argv[2])
songs = written(folder, 2) if kind.medium == "midi" else sounding(folder, 2, 12.0, 22_050)
prepared = kind.prepare(songs, training)
networks = kind.build(prepared.codec, training)
began = time.process_time()
kind.fit(networks, prepared, training, seed=0, monitor=SilentMonitor())
sums = hashlib.sha256()
for model in networks.models.values():
    for weights in model.get_weights():
        sums.update(np.ascontiguousarray(weights).tobytes())
keep_programs()
print(json.dumps({"sum": sums.hexdigest(), "seconds": time.process_time() - began}))
"""


def _names(folder: Path) -> set[str]:
    return {path.name.partition("-")[2] for path in folder.glob("*.pb")}


def test_what_one_process_compiled_the_next_one_reads(tmp_path: Path) -> None:
    first = KeptPrograms(tmp_path)
    (first.work / "a.pb").write_bytes(b"a program")
    (first.work / "b.pb1234.tmp").write_bytes(b"half of a prog")
    first.keep(PLENTY)
    first.close()
    assert _names(tmp_path) == {"a.pb"}
    second = KeptPrograms(tmp_path)
    assert {path.name: path.read_bytes() for path in second.work.iterdir()} == {"a.pb": b"a program"}
    second.keep(PLENTY)
    assert len(list(tmp_path.glob("*.pb"))) == 1


def test_one_that_was_made_ready_earlier_reads_what_was_kept_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, other = KeptPrograms(tmp_path), KeptPrograms(tmp_path / "elsewhere")
    other.folder = tmp_path
    (other.work / "a.pb").write_bytes(b"a program")
    other.keep(PLENTY)
    assert list(ready.work.iterdir()) == []
    monkeypatch.setattr(compiled_programs, "_open", ready)
    open_programs("cpu")  # as when a task begins
    assert [path.read_bytes() for path in ready.work.iterdir()] == [b"a program"]
    open_programs("cpu")
    assert len(list(ready.work.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"a progra", b"a programme", b"b program"])
def test_a_damaged_one_is_removed_and_never_reaches_the_compiler(tmp_path: Path, content: bytes) -> None:
    first = KeptPrograms(tmp_path)
    (first.work / "a.pb").write_bytes(b"a program")
    first.keep(PLENTY)
    first.close()
    (kept,) = tmp_path.glob("*.pb")
    kept.write_bytes(content)
    assert list(KeptPrograms(tmp_path).work.iterdir()) == []
    assert list(tmp_path.glob("*.pb")) == []


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    programs = KeptPrograms(tmp_path)
    for number, name in enumerate("abc"):
        (programs.work / f"{name}.pb").write_bytes(bytes(100))
        os.utime(programs.work / f"{name}.pb", (number, number))
    programs.keep(250)
    assert _names(tmp_path) == {"b.pb", "c.pb"}


def test_folders_of_processes_that_were_killed_are_removed(tmp_path: Path) -> None:
    here, parent = compiled_programs._machine(), os.getppid()
    kept = {f"work-{here}-{parent}-{identity.started(parent)}", f"work-elsewhere-{parent}-1"}
    for name in (*kept, f"work-{here}-{parent}-1", f"work-{here}-99999999-5", f"work-{here}-x-1", "work-other-7-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.pb").write_bytes(b"a program")
    os.utime(tmp_path / "work-other-7-1", (0, 0))
    programs = KeptPrograms(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, programs.work.name}
    assert str(os.getpid()) in programs.work.name


@pytest.mark.parametrize(
    ("device", "environment"),
    [
        ("gpu:0", {}),
        ("cpu", {"KERAS_BACKEND": "jax"}),
        ("cpu", {"MUSICGEN_COMPILED_MB": "0"}),
        ("cpu", {"MUSICGEN_MIN_FREE_MB": "999999999"}),
    ],
)
def test_it_is_left_out_where_it_cannot_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, device: str, environment: dict[str, str]
) -> None:
    monkeypatch.setenv("MUSICGEN_COMPILED_MB", "5")
    monkeypatch.delenv(OPTIONS, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    open_programs(device)
    assert compiled_programs._open is None
    assert OPTIONS not in os.environ
    assert not (home / "compiled").exists()


class ResourceExhaustedError(Exception):
    """Named like TensorFlow's."""


def test_a_disk_that_is_full_for_the_compiler_is_no_lack_of_memory() -> None:
    error = ResourceExhaustedError("/here/program.pb.tmp; No space left on device [Op:__inference_f_774]")
    assert not is_out_of_memory(error)
    assert isinstance(in_words(error), StorageUnavailable)
    assert is_storage_fault(error)
    assert is_out_of_memory(ResourceExhaustedError("OOM when allocating tensor with shape[9]"))


def _work(home: Path, key: str, folder: Path, **environment: str) -> dict[str, object]:
    folder.mkdir()
    bare = {name: value for name, value in os.environ.items() if name != OPTIONS}
    told = subprocess.run(
        [sys.executable, "-c", WORK, key, str(folder)], cwd=ROOT, check=True, capture_output=True,
        env={**bare, "MUSICGEN_HOME": str(home), "MUSICGEN_COMPILED_MB": "128", **environment},
    )  # fmt: skip
    return dict(json.loads(told.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("key", sorted(approaches()))
def test_a_kept_program_computes_the_same_to_the_bit(tmp_path: Path, key: str) -> None:
    home = tmp_path / "home"
    without = _work(home, key, tmp_path / "1", MUSICGEN_COMPILED_MB="0")
    compiled = _work(home, key, tmp_path / "2")
    names = {path.name for path in (home / "compiled").rglob("*.pb")}
    assert names
    kept = _work(home, key, tmp_path / "3")
    assert {path.name for path in (home / "compiled").rglob("*.pb")} == names, "something was compiled again"
    assert without["sum"] == compiled["sum"] == kept["sum"]
    assert not list((home / "compiled").rglob("work-*"))
