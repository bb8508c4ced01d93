"""Pieces ordered with a training: generated when it is finished, once, and never when it was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_at_work import add_song, nobody_supervises, ticking, until, work_here

from musicgen.errors import InvalidParameter, MusicgenError, sentence
from musicgen.runs import api, training
from musicgen.runs.following import generate_after, task_after

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture
def song(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ticking(monkeypatch), nobody_supervises():
        yield add_song("A song")


def order(song: str, pieces: int, **parameters: object) -> str:
    choices = [api.SongChoice(song)]
    return api.submit_training("ticking", choices, parameters, preset="short", seed=4, pieces_after=pieces)


def test_the_pieces_follow_with_the_settings_of_the_preset(song: str) -> None:
    run_id = order(song, 2, epoch_ms=5)
    assert task_after(run_id) is None
    assert work_here(run_id).state == "succeeded"
    task = task_after(run_id)
    assert (task.kind, task.run_id, task.state) == ("generate", run_id, "queued")
    assert work_here(task.id).state == "succeeded"
    made = [api.get_output(each) for each in task_after(run_id).output_ids]
    assert [(output.sidecar["seed"], output.seconds) for output in made] == [(4, 0.25), (5, 0.25)]


def test_a_worker_that_died_before_it_was_recorded_orders_them_once(song: str) -> None:
    run_id = order(song, 1, epoch_ms=5)
    assert work_here(run_id).state == "succeeded"
    request = api.get_run(run_id).request
    assert generate_after(run_id, request) == generate_after(run_id, request) == task_after(run_id).id
    assert len(api.list_tasks(run_id=run_id, kind="generate")) == 1


def test_training_longer_makes_no_further_pieces(song: str) -> None:
    run_id = order(song, 1, epoch_ms=5)
    work_here(run_id)
    api.resume(run_id, epochs=4)
    assert work_here(run_id).state == "succeeded"
    assert len(api.list_tasks(run_id=run_id, kind="generate")) == 1


def test_a_training_without_an_order_or_that_was_stopped_makes_none(song: str) -> None:
    plain = order(song, 0, epoch_ms=5)
    assert "pieces_after" not in api.get_run(plain).request
    stopped = order(song, 1)
    api.cancel(stopped)
    work_here(plain)
    assert [task_after(each) for each in (plain, stopped)] == [None, None]


def test_the_number_is_checked_before_anything_is_recorded(song: str) -> None:
    with pytest.raises(InvalidParameter, match="between 1 and 64 pieces"):
        order(song, 65)
    assert api.list_runs() == []


def test_the_training_stays_finished_if_the_pieces_cannot_be_ordered(
    song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MusicgenError(sentence("A piece needs room", "none"))

    monkeypatch.setattr(training, "generate_after", refuse)
    run = work_here(order(song, 1, epoch_ms=5))
    assert run.state == "succeeded"
    assert "A piece needs room" in run.advice


def test_with_a_real_supervisor_the_pieces_come_by_themselves(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ticking(monkeypatch):
        run_id = order(add_song("A song"), 1, epoch_ms=5)
        began = time.monotonic()
        task = until(lambda: (found := task_after(run_id)) and found.output_ids and found, 60)
        assert time.monotonic() - began < 60
        assert api.get_output(task.output_ids[0]).run_id == run_id
