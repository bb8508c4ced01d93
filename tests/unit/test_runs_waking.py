"""What is new is looked at at once; and nothing breaks where nobody listens, or more is said than can be read."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicgen.runs.waking import Alarm, wake

LONG = 20.0  # a wait that ends by itself fails the test

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's own kind of sockets")


@pytest.fixture
def alarm(tmp_path: Path) -> Iterator[Alarm]:
    mine = Alarm(tmp_path)
    yield mine
    mine.close()


def seconds_of(wait: Alarm, *others: int, seconds: float = LONG) -> float:
    began = time.monotonic()
    wait.wait(seconds, others)
    return time.monotonic() - began


def test_a_message_ends_the_wait_and_counts_once(alarm: Alarm, tmp_path: Path) -> None:
    for _ in range(3):
        wake(tmp_path)
    assert seconds_of(alarm) < LONG / 2
    assert seconds_of(alarm, seconds=0.2) >= 0.19


def test_a_message_that_comes_meanwhile(alarm: Alarm, tmp_path: Path) -> None:
    threading.Timer(0.2, wake, [tmp_path]).start()
    assert 0.1 < seconds_of(alarm) < LONG / 2


def test_something_to_read_elsewhere_ends_it_too(alarm: Alarm) -> None:
    source, sink = os.pipe()
    os.write(sink, b"x")
    assert seconds_of(alarm, source) < LONG / 2
    os.close(sink), os.close(source)
    assert seconds_of(alarm, source, seconds=0.2) >= 0.19, "a closed pipe is no reason to go round and round"


def test_storage_folders_do_not_wake_each_other(alarm: Alarm, tmp_path: Path) -> None:
    wake(tmp_path / "other")
    assert seconds_of(alarm, seconds=0.2) >= 0.19


def test_more_than_can_be_read_is_no_reason_to_wait(alarm: Alarm, tmp_path: Path) -> None:
    began = time.monotonic()
    for _ in range(5_000):
        wake(tmp_path)
    assert time.monotonic() - began < LONG
    assert seconds_of(alarm) < LONG / 2


def test_a_second_one_for_the_same_folder_waits_all_the_same(alarm: Alarm, tmp_path: Path) -> None:
    second = Alarm(tmp_path)
    wake(tmp_path)
    assert seconds_of(second, seconds=0.2) >= 0.19
    second.close()
    assert seconds_of(alarm) < LONG / 2


def test_nobody_listens(tmp_path: Path) -> None:
    wake(tmp_path)
    mine = Alarm(tmp_path)
    assert seconds_of(mine, seconds=0.1) >= 0.09
    mine.close()
    wake(tmp_path)
    assert seconds_of(mine, seconds=0.1) >= 0.09
