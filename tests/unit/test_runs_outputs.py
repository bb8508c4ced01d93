"""What runs make: published piece by piece, with a sidecar that makes each of them again, byte for byte."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from runs_at_work import add_song, nobody_supervises, start, ticking, work_here

from musicgen.errors import InvalidParameter, NotFound, WrongState
from musicgen.runs import api, housekeeping, outputs, states
from musicgen.runs.api import SongChoice
from musicgen.runs.checkpoints import Checkpoints
from musicgen.songs.library import remove_song
from musicgen.storage import database
from musicgen.storage.database import runs, tasks

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


@pytest.fixture
def run_id(song: str) -> str:
    made = start(song, epochs=5, epoch_ms=5)
    assert work_here(made).state == "succeeded"
    return made


def test_pieces_and_their_sidecars(run_id: str, song: str) -> None:
    task_id = api.submit_generation(run_id, {"seconds": 0.25}, count=3, seed=11, prompt=SongChoice(song))
    task = work_here(task_id)
    assert (task.state, task.kind, task.run_id, task.reason) == ("succeeded", "generate", run_id, "")
    assert len(task.output_ids) == 3
    assert [output.id for output in api.list_outputs(run_id)] == task.output_ids[::-1]
    made = [api.get_output(each) for each in task.output_ids]
    assert [output.sidecar["seed"] for output in made] == [11, 12, 13]
    assert len({output.sidecar["content_sha256"] for output in made}) == 3
    assert [output.name for output in made] == [f"Ticking: A song, {number}" for number in (1, 2, 3)]
    first = made[0]
    assert (first.medium, first.seconds) == ("audio", 0.25)
    assert first.clip.has_audio
    assert first.clip.facts["sha256"] == first.sidecar["content_sha256"]
    sidecar = json.loads((first.folder / "sidecar.json").read_text())
    assert sidecar == first.sidecar
    run = api.get_run(run_id)
    best = Checkpoints(run.folder / "checkpoints").best_first()[0]
    assert sidecar["checkpoint"] == {"epoch": 3, "is_complete": True, "sha256": best.sha256, "chosen": "best"}
    assert sidecar["run"] == {"id": run_id, "name": run.name, "approach": "ticking"}
    assert sidecar["training"] == run.request["training"]
    assert sidecar["generation"] == {"seconds": 0.25, "piece_ms": 20.0}
    assert sidecar["prompt"]["id"] == song
    assert sidecar["reference"] == {"song_id": song, "start_seconds": 0.0, "stop_seconds": 0.25}
    assert sidecar["facts"]["steps"] == 2000
    assert sidecar["facts"]["samples_per_second"] > 0
    assert {"musicgen", "python", "keras", "backend", "tensorflow", "numpy"} <= set(sidecar["versions"])
    assert sidecar["device"] == "cpu"


def test_each_piece_is_judged_where_it_is_made(run_id: str) -> None:
    task = work_here(api.submit_generation(run_id, {"seconds": 1.5}, count=2))
    for output_id in task.output_ids:
        sidecar = api.get_output(output_id).sidecar
        assert sidecar == json.loads((api.get_output(output_id).folder / "sidecar.json").read_text())
        assert sidecar["verdicts"] == []  # it learned from noise, and noise is what it makes
        assert sidecar["metrics"]["silence_share"] == 0.0
        assert sidecar["copied"]["num_songs"] == 1
        assert sidecar["judging"]["error"] == ""
    assert any("checked" in line for line in task.log_tail())


def test_a_judgement_that_fails_loses_no_piece(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicgen.evaluation.judging.MEMORY_MB", 16)
    task = work_here(api.submit_generation(run_id, {}, count=2))
    assert (task.state, len(task.output_ids)) == ("succeeded", 2)
    for output_id in task.output_ids:
        sidecar = api.get_output(output_id).sidecar
        assert "verdicts" not in sidecar
        assert sidecar["judging"]["error"]


def test_a_judgement_of_what_was_deleted_or_taken_over_is_dropped(run_id: str) -> None:
    task = work_here(api.submit_generation(run_id, {}, count=2))
    first, second = task.output_ids
    outputs.amend_output(first, task.id, "another worker", {"verdicts": ["wrong"]})
    assert api.get_output(first).sidecar["verdicts"] == []
    api.delete_output(second)
    outputs.amend_output(second, task.id, "x", {"verdicts": []})
    assert [output.id for output in api.list_outputs(run_id)] == [first]


def test_generated_again_is_the_same_to_the_last_bit(run_id: str) -> None:
    """Also the second of a batch, and after the run has gone on and has other weights."""
    original = api.get_output(
        work_here(api.submit_generation(run_id, {}, count=2, seed=3, checkpoint="last")).output_ids[1]
    )
    api.resume(run_id, epochs=9)
    assert work_here(run_id).state == "succeeded"
    task = work_here(api.regenerate(original.id))
    assert task.state == "succeeded"
    (again,) = (api.get_output(each) for each in task.output_ids)
    assert again.sidecar["content_sha256"] == original.sidecar["content_sha256"]
    assert again.sidecar["is_same_as_original"] is True
    assert again.sidecar["regenerates"]["id"] == original.id
    assert again.sidecar["seed"] == original.sidecar["seed"] == 4
    assert again.name == f"{original.name} (again)"
    assert again.clip.audio_path.read_bytes() == original.clip.audio_path.read_bytes()
    assert 5 in [each["epoch"] for each in api.get_run(run_id).checkpoints], "the weights of an output are kept"
    other = api.get_output(work_here(api.submit_generation(run_id, {}, seed=5)).output_ids[0])
    assert other.sidecar["content_sha256"] != original.sidecar["content_sha256"]
    for output in api.list_outputs(run_id):
        api.delete_output(output.id)
        assert not output.folder.exists()
    api.resume(run_id, epochs=10)
    work_here(run_id)
    assert 5 not in [each["epoch"] for each in api.get_run(run_id).checkpoints], "and no longer than they are"


def test_a_piece_that_comes_out_differently_says_what_changed(run_id: str) -> None:
    """As on another processor: the first version is taken for one that was made there."""
    original = api.get_output(work_here(api.submit_generation(run_id, {}, seed=3)).output_ids[0])
    elsewhere = original.sidecar["versions"] | {"processor": "Old processor, avx2"}
    sidecar = {**original.sidecar, "content_sha256": "0" * 64, "versions": elsewhere}
    database.change(sa.update(outputs.outputs).where(outputs.outputs.c.id == original.id).values(sidecar=sidecar))
    (again,) = (api.get_output(each) for each in work_here(api.regenerate(original.id)).output_ids)
    assert again.sidecar["is_same_as_original"] is False
    processor = original.sidecar["versions"]["processor"]
    assert again.sidecar["made_with_other"] == {"processor": ["Old processor, avx2", processor]}


def test_weights_that_are_no_longer_there_are_named(run_id: str) -> None:
    output = api.get_output(work_here(api.submit_generation(run_id, {})).output_ids[0])
    database.change(
        sa.update(outputs.outputs).values(sidecar={**output.sidecar, "checkpoint": {"epoch": 9, "sha256": "0"}})
    )
    with pytest.raises(NotFound, match="weights of epoch 9, which are no longer kept"):
        api.regenerate(output.id)


def test_what_cannot_be_generated(run_id: str, song: str) -> None:
    for arguments, error, said in (
        ({"generation": {"seconds": 0}}, InvalidParameter, "seconds"),
        ({"generation": {"hope": 1}}, InvalidParameter, "hope is not a parameter"),
        ({"count": 0}, InvalidParameter, "between 1 and 64"),
        ({"count": 65}, InvalidParameter, "between 1 and 64"),
        ({"seed": -1}, InvalidParameter, "seed"),
        ({"checkpoint": "77"}, NotFound, "Choose an epoch whose weights are kept"),
        ({"prompt": SongChoice("song-000000000000")}, NotFound, "song"),
        ({"device": "gpu:9"}, NotFound, "device must be one of"),
    ):
        with pytest.raises(error, match=said):
            api.submit_generation(run_id, **{"generation": {}, **arguments})  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        api.submit_generation("run-000000000000", {})
    assert api.list_tasks(run_id, kind="generate") == []


def test_without_weights_there_is_nothing_to_generate(song: str) -> None:
    run = work_here(start(song, unlearnable=True))
    with pytest.raises(WrongState, match="first epoch"):
        api.submit_generation(run.id, {})
    with pytest.raises(WrongState, match="weights"):
        api.export_run(run.id)


def test_a_double_click_is_one_generation(run_id: str) -> None:
    ids = {api.submit_generation(run_id, {}, submit_key="button") for _ in range(3)}
    assert len(ids) == 1
    output = api.get_output(work_here(ids.pop()).output_ids[0])
    assert len({api.regenerate(output.id, submit_key="again") for _ in range(3)}) == 1


def test_a_prompt_that_is_removed_while_it_waits_is_named(run_id: str, song: str) -> None:
    task_id = api.submit_generation(run_id, {}, prompt=SongChoice(song))
    remove_song(song)
    task = work_here(task_id)
    assert task.state == "failed"
    assert "“A song”, no longer there" in task.reason


def test_damaged_best_weights_are_passed_over_with_a_notice(run_id: str) -> None:
    """K3: one flipped bit."""
    kept = Checkpoints(api.get_run(run_id).folder / "checkpoints").best_first()
    path = kept[0].folder / "weights.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    task = work_here(api.submit_generation(run_id, {}))
    assert task.state == "succeeded"
    assert "epoch 3" in task.advice
    assert "weights.npy has changed" in task.advice
    assert api.get_output(task.output_ids[0]).sidecar["checkpoint"]["epoch"] == kept[1].epoch
    for each in kept[1:]:
        (each.folder / "weights.npy").unlink()
    task = work_here(api.submit_generation(run_id, {}))
    assert task.state == "failed"
    assert "no intact checkpoint" in task.reason


def test_training_goes_on_from_the_one_before_a_damaged_checkpoint(song: str) -> None:
    run_id = start(song, epochs=3)
    work_here(run_id)
    kept = Checkpoints(api.get_run(run_id).folder / "checkpoints").newest_first()
    (kept[0].folder / "state.json").write_text("{}")
    api.resume(run_id, epochs=5)
    run = work_here(run_id)
    assert run.state == "succeeded"
    assert "epoch 3" in run.advice
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5]
    assert f"Going on after epoch {kept[1].epoch}." in "\n".join(run.log_tail(100))


def test_a_checkpoint_that_kills_its_loader_is_passed_over(run_id: str) -> None:
    """J12: twice a process died while loading these weights."""
    folder = api.get_run(run_id).folder
    best, second = Checkpoints(folder / "checkpoints").best_first()[:2]
    task_id = api.submit_generation(run_id, {}, count=1)
    work_here(task_id)
    folder = api.get_task(task_id).folder
    assert not (folder / "loading.json").exists()
    (folder / "loading.json").write_text(json.dumps({"folder": best.folder.name, "deaths": 2}))
    # The machine restarted in the middle: the same task again.
    database.change(sa.update(tasks).where(tasks.c.id == task_id).values(state="queued", wish=""))
    database.change(sa.delete(outputs.outputs))
    task = work_here(task_id)
    assert task.state == "succeeded"
    assert "ended the process 2 times" in task.advice
    assert api.get_output(task.output_ids[0]).sidecar["checkpoint"]["epoch"] == second.epoch


def test_a_generation_that_was_interrupted_makes_only_what_is_missing(run_id: str) -> None:
    task_id = api.submit_generation(run_id, {}, count=3, seed=1)
    before = {api.get_output(each).sidecar["index"]: each for each in work_here(task_id).output_ids}
    lost = api.get_output(before[1])
    api.delete_output(before[1])
    database.change(sa.update(tasks).where(tasks.c.id == task_id).values(state="queued", wish=""))
    after = [api.get_output(each) for each in work_here(task_id).output_ids]
    assert sorted(output.sidecar["index"] for output in after) == [0, 1, 2]
    assert {output.id for output in after} > {before[0], before[2]}
    (made,) = (output for output in after if output.sidecar["index"] == 1)
    assert made.sidecar["content_sha256"] == lost.sidecar["content_sha256"]


def test_a_superseded_worker_publishes_nothing(run_id: str, home: Path) -> None:
    from musicgen.clips import write_audio_clip
    from musicgen.songs.library import get_song

    task = {"id": database.new_id("task"), "run_id": run_id}
    song = get_song(api.get_run(run_id).request["songs"][0]["id"])
    made = outputs.publish_output(
        task, "no such fence", "name", {"index": 0}, lambda folder: write_audio_clip(folder, song.clip.waveform())
    )
    assert made is None
    assert api.list_outputs() == []
    assert list((home / "outputs").iterdir()) == []


def test_leftovers_are_removed_once_they_are_old(run_id: str, home: Path) -> None:
    work_here(api.submit_generation(run_id, {}))
    for name in ("outputs/.output-1.abc", "outputs/output-000000000000", "runs/run-000000000000"):
        (home / name).mkdir()
    assert housekeeping.tidy() == []
    time.sleep(0.05)
    removed = {path.name for path in housekeeping.tidy(old_seconds=0.01)}
    assert removed == {".output-1.abc", "output-000000000000", "run-000000000000"}
    assert api.get_run(run_id).can_generate
    assert api.list_outputs(run_id)[0].clip.has_audio
    database.change(sa.update(tasks).values(state=states.RUNNING))
    (home / "outputs" / ".young").mkdir()
    time.sleep(0.05)
    assert housekeeping.tidy(old_seconds=0.01) == [], "not while a worker may be writing"
    database.change(sa.update(tasks).values(state=states.SUCCEEDED))


def test_tasks_can_be_listed(run_id: str) -> None:
    task_id = api.submit_generation(run_id, {})
    work_here(task_id)
    assert {task.kind for task in api.list_tasks()} == {"train", "generate"}
    assert [task.id for task in api.list_tasks(run_id, kind="generate")] == [task_id]
    assert api.list_tasks(active_only=True) == []
    assert api.list_tasks("run-000000000000") == []
    rows: list[Any] = database.every(sa.select(runs.c.id))
    assert rows == [{"id": run_id}]


def test_the_same_piece_from_every_kept_checkpoint(song: str) -> None:
    run_id = start(song, epochs=9, epoch_ms=1)
    assert work_here(run_id).state == "succeeded"
    task = work_here(api.submit_generation(run_id, {"seconds": 0.25}, seed=7, count=2, checkpoint="all"))
    assert task.state == "succeeded"
    made = [api.get_output(each).sidecar for each in task.output_ids]
    kept = [each.epoch for each in Checkpoints(api.get_run(run_id).folder / "checkpoints").all()]
    assert [each["checkpoint"]["epoch"] for each in made] == [epoch for epoch in kept for _ in range(2)]
    assert len(kept) >= 4
    assert [(each["index"], each["seed"]) for each in made] == [
        (number, 7 + number % 2) for number in range(2 * len(kept))
    ]
    again = work_here(api.regenerate(task.output_ids[3]))
    assert api.get_output(again.output_ids[0]).sidecar["is_same_as_original"]
