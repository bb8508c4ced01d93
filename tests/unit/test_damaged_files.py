"""Files of our own that are damaged: a sentence names each, all that can go on goes on, nobody else is affected."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from runs_at_work import add_song, epochs, nobody_supervises, start, ticking, work_here
from small_disk import call

from musicgen.clips import Clip, write_score_clip
from musicgen.errors import CorruptArtifact, DamagedFile, MusicgenError
from musicgen.runs import api, liveness, states
from musicgen.runs.folders import supervisor_lock
from musicgen.runs.progress import read_progress
from musicgen.settings import home as home_folder
from musicgen.songs.tidying import tidy
from musicgen.songs.workplace import abandoned
from musicgen.storage import database
from musicgen.storage.database import runs
from tests.makers_midi import four_part_score

FOLDER = "a folder"
GARBAGE: dict[str, bytes | str] = {
    "empty": b"",
    "not JSON": b"garbage \xff\xfe",
    "a list": b"[]",
    "a word": b'"x"',
    "deep": b"[" * 100_000,
    "of other kinds": b'{"facts": 1, "floors": {"a": "b"}, "epoch": "x", "sequence": "y", "loss": [], "pid": {}}',
    FOLDER: FOLDER,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A storage folder with two runs; the first one is to be damaged, the other one bears witness."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICGEN_HOME", str(folder))
        with ticking(patch), nobody_supervises():
            song = add_song("A song")
            ids = [work_here(start(song, epochs=3, epoch_ms=1)).id for _ in range(2)]
            work_here(api.submit_generation(ids[0], {}))
    return folder, ids[0], ids[1]


@pytest.fixture
def both(made: tuple[Path, str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[api.Run, api.Run]]:
    """The two runs, in a storage folder of the test's own."""
    shutil.copytree(made[0], home, dirs_exist_ok=True)
    with ticking(monkeypatch), nobody_supervises():
        yield api.get_run(made[1]), api.get_run(made[2])


def damage(path: Path, content: bytes | str) -> None:
    path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    path.mkdir() if isinstance(content, str) else path.write_bytes(content)


def shown(run_id: str) -> dict[str, Any]:
    code, out, err = call("runs", "show", run_id, "--json")
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def test_nothing_is_said_of_a_run_that_is_whole(both: tuple[api.Run, api.Run]) -> None:
    assert both[0].damage == ()
    assert both[0].advice == ""


@pytest.mark.parametrize("name", ["prepared.json", "history.jsonl", "progress.json", "worker.json", "log.txt"])
def test_a_damaged_file_of_a_run(both: tuple[api.Run, api.Run], name: str) -> None:
    run, other = both
    for kind, content in GARBAGE.items():
        damage(run.folder / name, content)
        document = shown(run.id)
        if name in ("prepared.json", "history.jsonl"):
            (sentence,) = document["damage"]
            assert f"{run.id}/{name}" in sentence, kind
            assert "as before" in sentence
            assert sentence in call("runs", "show", run.id)[1]
        else:
            assert document["damage"] == [], kind
        assert {row.id: row.history for row in api.list_runs()}[other.id] == other.history
    assert [work_here(api.submit_generation(each.id, {})).state for each in both] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("name", ["prepared.json", "history.jsonl", "progress.json", "worker.json"])
def test_resuming_mends_it_or_names_the_folder_in_the_way(both: tuple[api.Run, api.Run], name: str) -> None:
    run, _ = both
    damage(run.folder / name, b"garbage\ngarbage\n")
    api.resume(run.id, epochs=4)
    again = work_here(run.id)
    assert (again.state, again.damage) == ("succeeded", ())
    assert epochs(again) == ([3, 4] if name == "history.jsonl" else [1, 2, 3, 4]), "of a lost curve, what weights know"
    damage(run.folder / name, FOLDER)
    api.resume(run.id, epochs=5)
    again = work_here(run.id)
    if name != "progress.json":  # which is never worth a training
        assert (again.state, f"{run.id}/{name}" in again.reason) == ("failed", True)
        assert "mistake" not in again.reason


def test_lines_of_a_history_that_are_no_rows_are_counted(both: tuple[api.Run, api.Run]) -> None:
    run, _ = both
    path = run.folder / "history.jsonl"
    row = json.loads(path.read_text().splitlines()[0])
    bad = [{**row, "epoch": "4"}, {**row, "epoch": 4, "loss": None}, {**row, "epoch": 4, "extra": []}, {"epoch": 4}]
    path.write_text(path.read_text() + "".join(json.dumps(each) + "\n" for each in bad) + "\n" + '{"epoch": 4, "lo')
    found = api.get_run(run.id)
    assert epochs(found) == [1, 2, 3]
    (sentence,) = found.damage
    assert "Received: 4 lines that are something else." in sentence
    path.write_text(json.dumps(row) + "\n" + '{"epoch": 4, "lo')
    assert api.get_run(run.id).damage == (), "a crash tore it"
    path.write_text(json.dumps(row) + "\n" + "{something else")
    assert "Received: 1 line that is something else." in api.get_run(run.id).damage[0]


@pytest.mark.parametrize("name", ["codec.json", "manifest.json", "state.json", "weights.npy"])
@pytest.mark.parametrize("kind", ["of other kinds", FOLDER])
def test_a_damaged_checkpoint(both: tuple[api.Run, api.Run], name: str, kind: str) -> None:
    """The one before is taken, with a notice; where all are damaged, a sentence names the file."""
    run, other = both
    folders = sorted((run.folder / "checkpoints").glob("0*"))
    damage(folders[-1] / name, GARBAGE[kind])
    task = work_here(api.submit_generation(run.id, {}, checkpoint="last"))
    assert (task.state, f"{name}" in task.advice, "epoch 3" in task.advice) == ("succeeded", True, True)
    for folder in folders[:-1]:
        damage(folder / name, GARBAGE[kind])
    task = work_here(api.submit_generation(run.id, {}))
    assert (task.state, name in task.reason, "are unchanged" in task.reason) == ("failed", True, True)
    assert work_here(api.submit_generation(other.id, {})).state == "succeeded"
    assert len(api.list_runs()) == 2


def test_a_worker_lock_that_is_a_folder(both: tuple[api.Run, api.Run]) -> None:
    run, other = both
    damage(run.folder / "worker.lock", FOLDER)
    api.resume(run.id, epochs=4)
    failed = work_here(run.id)
    assert (failed.state, f"{run.id}/worker.lock" in failed.reason) == ("failed", True)
    api.resume(other.id, epochs=4)
    assert work_here(other.id).state == "succeeded"


def test_a_running_task_whose_lock_becomes_a_folder_is_settled(both: tuple[api.Run, api.Run]) -> None:
    """A supervisor goes on with the others."""
    run, _ = both
    database.change(
        database.tasks.update().where(database.tasks.c.id == run.task.id).values(state="running", fence="f")
    )
    damage(run.folder / "worker.lock", FOLDER)
    task = states.read_task(run.task.id)
    assert task is not None
    assert not liveness.has_worker(task)
    assert liveness.settle(task)
    assert "worker.lock" in api.get_run(run.id).reason


def test_a_supervisor_lock_that_is_a_folder(
    made: tuple[Path, str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made[0], home, dirs_exist_ok=True)
    with ticking(monkeypatch):
        damage(supervisor_lock(), FOLDER)
        before = [(run.id, run.state) for run in api.list_runs()]
        code, out, err = call("runs", "resume", made[1], "--epochs", "9")
        assert (code, out) == (1, "")
        assert "supervisor.lock must be a lock, an empty file. Received: a folder." in err
        assert [(run.id, run.state) for run in api.list_runs()] == before
        database.change(database.tasks.update().values(state="queued"))
        assert {run.state for run in api.list_runs()} == {"queued"}, "looking goes on without a supervisor"
        database.change(database.tasks.update().values(state="paused"))
        supervisor_lock().rmdir()


def test_a_request_that_the_record_has_lost(both: tuple[api.Run, api.Run]) -> None:
    run, other = both
    with database.engine().begin() as connection:
        connection.execute(sa.text("UPDATE runs SET request = '{\"approach\": 1' WHERE id = :id"), {"id": run.id})
    (sentence,) = shown(run.id)["damage"]
    assert f"all settings of {run.id}. Received: a request without approach, training, seed, songs." in sentence
    for order in (lambda: api.resume(run.id, epochs=9), lambda: api.submit_generation(run.id, {})):
        with pytest.raises(CorruptArtifact, match=run.id):
            order()
    assert {each.id for each in api.list_runs()} == {run.id, other.id}
    listed = json.loads(call("runs", "list", "--json")[1])
    assert {each["id"]: (each["n_songs"], len(each["damage"])) for each in listed} == {run.id: (0, 1), other.id: (1, 0)}
    api.rename_run(run.id, "Still here")
    database.change(runs.update().where(runs.c.id == run.id).values(request=other.request))
    assert api.get_run(run.id).damage == ()


@pytest.mark.parametrize("change", [{"songs": 3}, {"songs": None}, {"leave_out": True}, {"left_out": [{"id": 1}]}])
def test_a_request_with_a_part_of_another_kind(both: tuple[api.Run, api.Run], change: dict[str, Any]) -> None:
    run, _ = both
    whole = {**run.request, "leave_out": True, "left_out": [{"id": "song-3f9a0c12b7de", "name": "x", "reason": "y"}]}
    database.change(runs.update().where(runs.c.id == run.id).values(request=whole))
    assert api.get_run(run.id).damage == ()
    if change == {"leave_out": True}:
        del whole["left_out"]
    database.change(runs.update().where(runs.c.id == run.id).values(request={**whole, **change}))
    (sentence,) = shown(run.id)["damage"]
    assert f"a request without {'songs' if 'songs' in change else 'left_out'}." in sentence
    assert call("runs", "list", "--json")[0] == 0
    with pytest.raises(CorruptArtifact, match=run.id):
        api.resume(run.id, epochs=9)


def test_a_sidecar_that_the_record_has_lost_is_read_beside_the_clip(both: tuple[api.Run, api.Run]) -> None:
    (output,) = api.list_outputs()
    with database.engine().begin() as connection:
        connection.execute(sa.text("UPDATE outputs SET sidecar = 'x'"))
    assert api.get_output(output.id).sidecar == output.sidecar
    damage(output.folder / "sidecar.json", b"x")
    assert api.get_output(output.id).sidecar == {}


def test_progress_has_words_and_numbers_only(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    found = {"phase": 1, "device": "cpu", "loss": "low", "step": 3, "seconds_left": None, "epoch": [1], "steps": True}
    path.write_text(json.dumps(found)[:-1] + ', "loss2": NaN}')
    assert read_progress(path) == {"device": "cpu", "step": 3, "seconds_left": None}


@pytest.mark.parametrize("content", [b"x", b"[]", b'{"medium": "film", "seconds": 1}', b'{"medium": "midi"}'])
def test_facts_that_cannot_be_used(home: Path, tmp_path: Path, content: bytes) -> None:
    clip = write_score_clip(tmp_path / "piece", four_part_score(4))
    (clip.folder / "facts.json").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"piece/facts.json .*All other pieces are as they were"):
        _ = clip.medium


@pytest.mark.parametrize("content", [b"MThd", None])
def test_notes_that_cannot_be_read(home: Path, tmp_path: Path, content: bytes | None) -> None:
    clip = write_score_clip(tmp_path / "piece", four_part_score(4))
    clip.score_path.unlink()
    if content is not None:
        clip.score_path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"piece/score.mid has the notes of this piece"):
        Clip(clip.folder).score()


@pytest.mark.parametrize("note", [b"x", b"[1]", b'[["../../evil", "x"]]', b"{}", b'[["song-3f9a0c12b7de", "../evil"]]'])
def test_a_note_of_an_import_that_cannot_be_read_removes_nothing(home: Path, note: bytes) -> None:
    """What it says would become paths, below which files are removed."""
    folder = home_folder() / "tmp" / "intake-dead"
    folder.mkdir(parents=True)
    (folder / "moves-1.json").write_bytes(note)
    assert list(abandoned(0)) == []
    assert tidy(0) == 0
    assert (folder / "moves-1.json").read_bytes() == note


def test_a_record_that_is_no_database(home: Path) -> None:
    (home / "musicgen.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(CorruptArtifact, match=r"file is not a database, at .*musicgen.db\. Restore that file"):
        api.list_runs()
    assert call("doctor", "--json")[1].count("file is not a database") == 1


def test_a_record_that_is_a_folder(home: Path) -> None:
    (home / "musicgen.db").mkdir()
    with pytest.raises(MusicgenError, match=r"unable to open database file, at .*musicgen.db"):
        api.list_runs()
