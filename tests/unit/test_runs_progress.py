"""Progress, time left, history and log: small files that are right whenever somebody looks."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from musicgen.contract.monitor import EpochRow
from musicgen.runs import progress as module
from musicgen.runs import runlog
from musicgen.runs.history import append_row, best_epoch, read_history, rewind, row_to_json
from musicgen.runs.progress import ProgressFile, TimeLeft, finite, read_progress
from musicgen.runs.runlog import RunLog, cut_if_long, tail


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run_epoch(left: TimeLeft, clock: Clock, *, steps: int, step: float, extra: float = 0.0, first: float = 0.0) -> None:
    """`first`: what the first step takes more (compiling); `extra`: validation and saving."""
    for number in range(steps):
        clock.now += step + (first if number == 0 else 0.0)
        left.step(number + 1)
    clock.now += extra
    left.epoch_ended()


def test_time_left_is_right_for_even_epochs() -> None:
    clock = Clock()
    left = TimeLeft(10, clock=clock)
    assert left.seconds_left(0) is None
    run_epoch(left, clock, steps=10, step=1.0, extra=2.0)
    assert left.seconds_left(1) == pytest.approx(9 * 12.0)
    for number in range(5):
        clock.now += 1.0
        left.step(number + 1)
    assert left.seconds_left(1, 5, 10) == pytest.approx(8 * 12.0 + 7.0)
    assert left.seconds_left(10) == 0.0


def test_during_the_first_epoch_it_goes_by_steps() -> None:
    clock = Clock()
    left = TimeLeft(2, clock=clock)
    clock.now += 30.0  # compiling
    left.step(1)
    assert left.seconds_left(0, 1, 10) is None
    for number in range(2, 5):
        clock.now += 1.0
        left.step(number)
    assert left.seconds_left(0, 4, 10) == pytest.approx(6 + 10)


def test_compiling_happens_once_and_one_pause_of_the_machine_is_forgiven() -> None:
    clock = Clock()
    left = TimeLeft(10, clock=clock)
    run_epoch(left, clock, steps=10, step=1.0, first=50.0)
    assert left.seconds_left(1) == pytest.approx(90.0, rel=0.01)
    run_epoch(left, clock, steps=10, step=1.0)
    run_epoch(left, clock, steps=10, step=1.0, extra=500.0)
    assert left.seconds_left(3) == pytest.approx(70.0, rel=0.01)


def test_a_first_epoch_with_a_single_report_tells_nothing() -> None:
    clock = Clock()
    left = TimeLeft(10, clock=clock)
    run_epoch(left, clock, steps=1, step=1.0, first=15.0)
    assert left.seconds_left(1) is None
    run_epoch(left, clock, steps=1, step=1.0)
    assert left.seconds_left(2) == pytest.approx(8.0)


def test_a_step_that_takes_longer_than_an_epoch_never_gives_a_negative_time() -> None:
    clock = Clock()
    left = TimeLeft(3, clock=clock)
    run_epoch(left, clock, steps=2, step=1.0)
    clock.now += 1000.0
    assert left.seconds_left(1, 0, 2) >= 2.0  # type: ignore[operator]


def test_progress_is_written_a_few_times_a_second_and_always_whole(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    file = ProgressFile(path, device="cpu")
    writes, seen, began = 0, -1, time.monotonic()
    while time.monotonic() - began < 0.6:
        file.update(step=writes)
        writes += 1
        sequence = json.loads(path.read_bytes())["sequence"]
        assert sequence >= seen
        seen = sequence
    assert writes > 100
    assert 1 <= seen <= 4
    file.write(loss=float("nan"), step=np.int64(7))
    found = read_progress(path)
    assert found.pop("elapsed_seconds") >= 0.6
    assert found == {"device": "cpu", "loss": None, "sequence": seen + 1, "step": 7}
    assert ProgressFile(path).fields["sequence"] == seen + 1, "it goes on counting after a restart"


def test_progress_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    ProgressFile(tmp_path / "gone" / "progress.json").write(step=1)
    (tmp_path / "torn").write_text('{"sequence": ')
    (tmp_path / "list").write_text("[]")
    assert (
        read_progress(tmp_path / "torn") == read_progress(tmp_path / "list") == read_progress(tmp_path / "none") == {}
    )


def test_finite_makes_json_of_numbers() -> None:
    document = {"a": np.float32(0.5), "b": float("inf"), "c": (1, np.nan), "d": np.arange(2), 3: True, "e": None}
    assert finite(document) == {"a": 0.5, "b": None, "c": [1, None], "d": [0, 1], "3": True, "e": None}
    assert finite(document)["3"] is True


def row(epoch: int, loss: float, val_loss: float | None = None) -> dict[str, object]:
    return row_to_json(EpochRow(epoch, loss, val_loss, 1.5, 0.001, {"accuracy": 0.5}))


def test_history_is_appended_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    rows = [row(1, 2.0, 1.0), row(2, 1.0, 3.0)]
    for each in rows:
        append_row(path, each)
    assert read_history(path) == rows
    assert best_epoch(rows) == 1
    assert best_epoch([row(1, 2.0), row(2, 1.0), row(3, 1.0)]) == 2
    assert best_epoch([]) is None


def test_a_history_that_is_watched_is_read_on_and_after_a_rewind_anew(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for epoch in (1, 2, 3):
        append_row(path, row(epoch, 4.0 - epoch))
        assert [each["epoch"] for each in read_history(path)] == list(range(1, epoch + 1))
    rewind(path, 2, row(2, 9.0))
    assert read_history(path) == [row(1, 3.0), row(2, 9.0)]
    append_row(path, row(3, 8.0))
    assert read_history(path) == [row(1, 3.0), row(2, 9.0), row(3, 8.0)]
    path.unlink()
    assert read_history(path) == []


def test_a_torn_line_is_not_read_and_the_next_row_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append_row(path, row(1, 2.0))
    with open(path, "ab") as file:
        file.write(b'{"epoch": 2, "lo')
    assert [each["epoch"] for each in read_history(path)] == [1]
    append_row(path, row(2, 1.0))
    assert [each["epoch"] for each in read_history(path)] == [1, 2]


def test_rewinding_gives_each_epoch_once(tmp_path: Path) -> None:
    """Killed after the checkpoint and before the row, after the row, or epochs later: the same history."""
    path = tmp_path / "history.jsonl"
    for epochs in (0, 2, 3, 5):
        path.unlink(missing_ok=True)
        for epoch in range(1, epochs + 1):
            append_row(path, row(epoch, 1.0))
        rows = rewind(path, 3, row(3, 0.5))
        assert rows == read_history(path)
        assert [each["epoch"] for each in rows] == sorted({*range(1, min(epochs, 2) + 1), 3})
        assert rows[-1]["loss"] == 0.5
    assert rewind(path, 0, None) == read_history(path) == []


def test_log_is_for_people_and_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.txt"
    log = RunLog(path)
    log.line("epoch 1\nof two")
    log.line("mark \ud800 down")
    lines = tail(path, 10)
    assert lines[0].endswith("  epoch 1")
    assert lines[1] == "    of two"
    assert tail(path, 1) == lines[-1:]
    assert tail(path, 0) == tail(tmp_path / "none", 5) == []
    monkeypatch.setattr(runlog, "MAX_BYTES", 1000)
    for number in range(100):
        log.line(f"line {number} " + "x" * 50)
    assert path.stat().st_size < 1200
    assert (tmp_path / "log.1.txt").stat().st_size < 1200
    assert "line 99" in tail(path, 1)[0]


def test_what_libraries_print_is_limited_while_the_file_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "console.txt"
    monkeypatch.setattr(runlog, "MAX_BYTES", 100)
    with open(path, "ab", buffering=0) as console:
        console.write(b"x" * 200)
        cut_if_long(path)
        assert path.stat().st_size == 0
        console.write(b"after")
    assert path.read_bytes() == b"after"
    cut_if_long(tmp_path / "none")


def test_a_tail_of_a_huge_file_reads_its_end_only(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with open(path, "wb") as file:
        file.seek(50_000_000)
        file.write(b"\nlast line\n")
    began = time.perf_counter()
    assert tail(path, 1) == ["last line"]
    assert time.perf_counter() - began < 0.2
    assert os.stat(path).st_size > module.RECENT_STEPS


def test_the_end_of_a_log_leaves_the_frameworks_greetings_out(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    greeting = "I0000 00:00:1.0    1 cudart_stub.cc:31] Could not find cuda drivers on your machine"
    failure = "E0000 00:00:1.0    1 gemm.cc:7] out of memory"
    path.write_text(f"epoch 1\n    {greeting}\n    {failure}\n")
    assert tail(path, 2) == ["epoch 1", f"    {failure}"]
