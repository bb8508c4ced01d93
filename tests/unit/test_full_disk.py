"""A disk that is full in every write: one sentence, everything as before, the run paused and resumable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_disk

START = """
import json, os, sys
from pathlib import Path
import pytest
from runs_at_work import add_song, epochs, nobody_supervises, start, ticking, work_here
from small_disk import call, clear, fill
from musicgen.errors import StorageUnavailable
from musicgen.faults import in_words
from musicgen.runs import api
from musicgen.songs.library import get_song
home = Path(os.environ["MUSICGEN_HOME"])

def hidden(folder):
    return [str(path) for path in folder.rglob("*") if path.name.startswith(".") and path.name != ".lock"]

def give_up_room():
    (home / ".room-for-the-last-word").unlink(missing_ok=True)

def stored():
    runs = [(run.id, run.name, run.state, run.history, run.checkpoints) for run in api.list_runs()]
    return runs, [output.id for output in api.list_outputs()], [task.id for task in api.list_tasks()]
"""

EVERY_COMMAND = (
    START
    + """
with pytest.MonkeyPatch.context() as patch, ticking(patch), nobody_supervises():
    song = add_song("A song")
    run = work_here(start(song, epochs=2, epoch_ms=1, width=25_000))
    made = work_here(api.submit_generation(run.id, {})).output_ids[0]
    before, answers = stored(), {}
    give_up_room()
    fill(home)
    for arguments in (
        ["songs", "rename", song, "Other"],
        ["runs", "rename", run.id, "Other"],
        ["train", "ticking", song],
        ["runs", "resume", run.id, "--epochs", "4"],
        ["generate", run.id],
        ["runs", "export", run.id, str(home / "copy.zip")],
        ["compare", song, made],
    ):
        answers[" ".join(arguments[:2]) if arguments[0] in ("songs", "runs") else arguments[0]] = call(*arguments)
    assert stored() == before
    assert get_song(song).name == "A song"
    assert not (home / "copy.zip").exists()
    answers["lists"] = [call("runs", "list")[0], call("songs", "list")[0], call("runs", "show", run.id)[0]]
    clear(home)
    api.resume(run.id, epochs=4)
    answers["afterwards"] = [work_here(run.id).state, call("songs", "rename", song, "Other")[0]]
print(json.dumps(answers))
"""
)

ROOM_IS_MADE = (
    START
    + """
with pytest.MonkeyPatch.context() as patch, ticking(patch), nobody_supervises():
    song = add_song("A song")
    run = work_here(start(song, epochs=2, epoch_ms=1, width=25_000))
    other = start(song)
    made = work_here(api.submit_generation(run.id, {})).output_ids[0]
    fill(home)
    which = sys.argv[1] if len(sys.argv) > 1 else other
    codes = [call("runs", *words)[0] for words in (["cancel", which], ["delete", made], ["delete", run.id])]
    codes.append(call("songs", "remove", song)[0])
    print(json.dumps([codes, api.get_run(other).state, [run.id for run in api.list_runs()] == [other]]))
"""
)

SWEEP = (
    START
    + """
first, last, step = map(int, sys.argv[1:])
seen = []
with pytest.MonkeyPatch.context() as patch, ticking(patch), nobody_supervises():
    song = add_song("A song")
    for free in range(first, last, step):
        give_up_room()
        fill(home, free * 1024)
        before = stored()
        try:
            run_id = start(song, epochs=4, epoch_ms=1, width=25_000)
        except Exception as error:
            assert isinstance(in_words(error), StorageUnavailable), repr(error)
            assert stored() == before
            seen.append("refused")
            continue
        run = work_here(run_id)
        assert run.state in ("paused", "succeeded"), (free, run.state, run.reason)
        assert (run.state == "paused") == bool(run.reason)
        assert "made a mistake" not in run.reason
        assert hidden(run.folder) == []
        seen.append(run.state)
        done = run.history
        clear(home)
        if run.state == "paused":
            api.resume(run_id)
            run = work_here(run_id)
        assert (run.state, epochs(run)) == ("succeeded", [1, 2, 3, 4]), run.reason
        generation(run, free)
        api.delete_run(run_id)
print(json.dumps(seen))
"""
)

NO_GENERATION = "\ngeneration = lambda run, free: None\n"
GENERATION = """
def generation(run, free):
    give_up_room()
    fill(home, free * 1024)
    try:
        task = work_here(api.submit_generation(run.id, {"seconds": 4.0}))
        assert task.state in ("failed", "succeeded"), task.state
        assert (task.state == "failed") == (not task.output_ids), task.reason
        assert "made a mistake" not in task.reason
        assert hidden(home / "outputs") == []
        assert {path.name for path in (home / "outputs").glob("*")} == {output.id for output in api.list_outputs()}
    except Exception as error:
        assert isinstance(in_words(error), StorageUnavailable), repr(error)
    clear(home)
    assert work_here(api.submit_generation(run.id, {})).state == "succeeded"
"""


@pytest.fixture(autouse=True)
def mounting(home: Path) -> None:
    small_disk.need_mounting()


def in_20_mb(program: str, *arguments: str) -> object:
    return json.loads(small_disk.run(small_disk.SMALL.format(size=20), program, *arguments))


def test_every_command_says_one_sentence_and_changes_nothing() -> None:
    answers = in_20_mb(EVERY_COMMAND)
    assert isinstance(answers, dict)
    assert answers.pop("lists") == [0, 0, 0]
    assert answers.pop("afterwards") == ["succeeded", 0]
    assert set(answers) == {
        *("songs rename", "runs rename", "train", "runs resume", "generate", "runs export", "compare"),
    }
    for name, (code, out, err) in answers.items():
        assert (name, code, out) == (name, 1, "")
        assert len(err.strip().splitlines()) == 1, (name, err)
        assert "Make room on the disk" in err


@pytest.mark.parametrize("which", [(), ("--all-queued",)])
def test_what_makes_room_works_on_a_full_disk(which: tuple[str, ...]) -> None:
    assert in_20_mb(ROOM_IS_MADE, *which) == [[0, 0, 0, 0], "cancelled", True]


def test_a_training_on_an_almost_full_disk_is_refused_or_paused_and_goes_on_later() -> None:
    seen = in_20_mb(START + NO_GENERATION + SWEEP.removeprefix(START), "200", "1500", "240")
    assert isinstance(seen, list)
    assert {"refused", "paused", "succeeded"} == set(seen)


@pytest.mark.slow
def test_full_at_every_write_in_turn() -> None:
    """So many bytes more are free each time, so that it is another write that does not fit."""
    seen = in_20_mb(START + GENERATION + SWEEP.removeprefix(START), "0", "1500", "12")
    assert isinstance(seen, list)
    assert min(seen.count(each) for each in ("refused", "paused", "succeeded")) > 5
