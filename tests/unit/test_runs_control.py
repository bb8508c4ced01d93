"""Wishes and signals as a worker hears them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from runs_at_work import add_task

from musicgen.errors import Cancelled, ResourceUnavailable, TrainingFailed
from musicgen.faults import is_storage_fault
from musicgen.runs import control as module
from musicgen.runs import states
from musicgen.runs.control import Control, Paused, Stopped
from musicgen.runs.worker import judge
from musicgen.storage import database
from musicgen.storage.database import tasks

pytestmark = pytest.mark.record


@pytest.fixture
def control(home: Path, monkeypatch: pytest.MonkeyPatch) -> Control:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.0)
    return Control(add_task("running", fence="f")["id"], "f", max_seconds=3600)


@pytest.fixture
def signals() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def test_without_a_wish_work_goes_on(control: Control) -> None:
    control.check()
    assert not control.wants_rest()
    control.check_at_rest()
    with control.interruptible():
        pass


def test_cancel_is_obeyed_everywhere(control: Control) -> None:
    states.express(control.task_id, states.CANCEL)
    for ask in (control.check, control.check_at_rest):
        with pytest.raises(Cancelled) as caught:
            ask()
        assert type(caught.value) is Cancelled
    assert control.wants_rest()


def test_pause_waits_for_a_safe_point(control: Control) -> None:
    states.express(control.task_id, states.PAUSE)
    control.check()
    assert control.wants_rest()
    with pytest.raises(Paused):
        control.check_at_rest()
    with pytest.raises(Paused), control.interruptible():
        pytest.fail("nothing was learned yet: it need not begin")


def test_the_time_limit_asks_for_a_pause(control: Control) -> None:
    over = Control(control.task_id, "f", max_seconds=-1.0)
    over.check()
    assert over.wants_rest()
    with pytest.raises(Paused, match="the limit"):
        over.check_at_rest()


def test_a_worker_without_its_fence_goes_at_once(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(BaseException):
        pass

    def leave(status: int) -> None:
        assert status == 76
        raise Gone

    monkeypatch.setattr(os, "_exit", leave)
    database.change(sa.update(tasks).values(fence="another"))
    with pytest.raises(Gone):
        control.check()


def test_a_signal_stops_at_the_next_step(control: Control, signals: None) -> None:
    control.listen()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
    assert control.wants_rest()
    with pytest.raises(Stopped):
        control.check()
    states.express(control.task_id, states.CANCEL)
    with pytest.raises(Cancelled) as caught:
        control.check()
    assert type(caught.value) is Cancelled, "the supervisor sends a signal for a cancel, too"


def test_a_signal_interrupts_what_may_be_interrupted(control: Control, signals: None) -> None:
    control.listen()
    began = time.monotonic()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Stopped), control.interruptible():
        time.sleep(10)
    assert time.monotonic() - began < 2.0


def test_a_busy_database_is_asked_again_later(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_arguments: Any) -> None:
        raise ResourceUnavailable("The record is free. Received: database is locked.", code="locked")

    monkeypatch.setattr(states, "wish_for", busy)
    control.check()
    assert not control.wants_rest()


@pytest.mark.parametrize(
    ("error", "kind", "state", "exit_code"),
    [
        (Paused(""), "train", "paused", 75),
        (Stopped("stopped"), "train", "paused", 75),
        (Stopped("stopped"), "generate", "failed", 75),
        (Cancelled(""), "train", "cancelled", 0),
        (OSError(28, "No space left on device"), "train", "paused", 75),
        (OSError(28, "No space left on device"), "generate", "failed", 75),
        (ResourceUnavailable("full", code="disk_full"), "train", "paused", 75),
        (ResourceUnavailable("no synthesiser"), "train", "failed", 1),
        (TrainingFailed("NaN", advice="Less."), "train", "failed", 1),
        (MemoryError(), "train", "failed", 1),
        (RuntimeError("RESOURCE_EXHAUSTED: OOM"), "train", "failed", 1),
        (type("ResourceExhaustedError", (Exception,), {})(), "train", "failed", 1),
        (OSError(13, "Permission denied"), "train", "failed", 70),
        (KeyError("x"), "train", "failed", 70),
    ],
)
def test_what_an_error_means_for_a_task(error: BaseException, kind: str, state: str, exit_code: int) -> None:
    outcome = judge(error, kind)
    assert (outcome.state, outcome.exit_code) == (state, exit_code)
    if state == "failed":
        assert outcome.reason
    if isinstance(error, TrainingFailed):
        assert outcome.advice == "Less."
    assert is_storage_fault(error) == ("space" in str(error) or "full" in str(error))
