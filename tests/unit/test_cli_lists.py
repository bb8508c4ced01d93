"""Long lists on the command line, a page at a time, and commands over several runs."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from command_line import CommandLine
from runs_at_work import add_song, nobody_supervises, start, ticking

from musicgen.cli import waiting as waiting_module
from musicgen.cli.several import for_each
from musicgen.runs import api, history, states
from musicgen.runs.folders import HISTORY, run_folder
from musicgen.runs.history import append_row, read_history
from musicgen.storage import database
from musicgen.storage.database import new_id, outputs, runs, songs, tasks
from musicgen.wording import span

pytestmark = pytest.mark.record

SONG_COLUMNS = {"format": "midi", "source": "upload", "seconds": 0.02, "facts": {"num_notes": 1}, "report": {}}


@pytest.fixture
def command(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def add_songs(count: int) -> list[str]:
    """Songs of the record alone; their ids, newest first."""
    rows = [
        {
            **SONG_COLUMNS, "id": f"song-{number:012x}", "sha256": str(number), "name": f"Tune {number}",
            "medium": "audio" if number % 5 == 0 else "midi", "created_at": 1000.0 + number,
        }
        for number in range(count)
    ]  # fmt: skip
    with database.engine().begin() as connection:
        connection.execute(sa.insert(songs), rows)
    return [str(row["id"]) for row in reversed(rows)]


def add_run(number: int, state: str = "succeeded", *, epochs: int = 0, kind: str = "train") -> str:
    """A run with its task; with `kind` generate, one that has a waiting generation besides."""
    run_id = f"run-{number:012x}"
    request = {"training": {"epochs": 9}, "songs": [{"id": "song-000000000000", "name": "A"}] * 3, "seed": 0}
    run = {"id": run_id, "name": f"Run {number}", "approach": "ticking", "request": request}
    task = {"run_id": run_id, "device": "auto", "request": {"device": "auto"}, "created_at": 1e6 - number}
    with database.engine().begin() as connection:
        # The wall clock goes backwards, so that nothing here can rest on it.
        connection.execute(sa.insert(runs).values(**run, created_at=1e6 - number))
        for each in {"train", kind}:
            task |= {"id": new_id("task"), "kind": each, "state": state if each == kind else "succeeded"}
            connection.execute(sa.insert(tasks).values(**task))
    run_folder(run_id).mkdir(parents=True)
    for epoch in range(1, epochs + 1):
        append_row(run_folder(run_id) / HISTORY, row(epoch))
    return run_id


def row(epoch: int) -> dict[str, object]:
    """Of a history."""
    return {"epoch": epoch, "loss": 1 / epoch, "val_loss": None, "seconds": 0.0, "learning_rate": 0.001, "extra": {}}


def ids_in(text: str, kind: str) -> list[str]:
    """Ids in the rows of a table, in order."""
    return re.findall(rf"^\s*({kind}-[0-9a-f]{{12}})", text, re.MULTILINE)


def test_a_table_of_songs_shows_a_hundred_and_says_how_many_more(command: CommandLine) -> None:
    ids = add_songs(230)
    first = command("songs", "list").out
    assert ids_in(first, "song") == ids[:100]
    assert f"130 more. See the next with --after {ids[99]}," in first
    assert ids_in(command("songs", "list", "--after", ids[99]).out, "song") == ids[100:200]
    last = command("songs", "list", "--after", ids[199]).out
    assert ids_in(last, "song") == ids[200:]
    assert "more" not in last
    assert "0.0 s" not in first
    assert ids_in(command("songs", "list", "--limit", "3").out, "song") == ids[:3]


def test_songs_as_json_are_all_of_them_and_page_by_page_the_same(command: CommandLine) -> None:
    ids = add_songs(1203)  # more than are read together
    whole = command("songs", "list", "--json").document
    assert [song["id"] for song in whole] == ids
    assert set(whole[0]) >= {"id", "name", "medium", "format", "seconds", "sha256", "facts", "created_at"}
    paged: list[str] = []
    while page := command(
        "songs", "list", "--json", "--limit", "500", *(["--after", paged[-1]] if paged else [])
    ).document:
        paged += [song["id"] for song in page]
    assert paged == ids
    found = command(
        "songs", "list", "--json", "--search", "tune", "--medium", "audio", "--limit", "2", "--after", ids[2]
    )
    assert [song["name"] for song in found.document] == ["Tune 1195", "Tune 1190"]


def test_an_empty_list_is_a_list(command: CommandLine) -> None:
    for kind in ("songs", "runs", "outputs"):
        assert command(kind, "list", "--json").document == []
        assert command(kind, "list").code == 0


@pytest.mark.parametrize(("kind", "unknown"), [("songs", "song"), ("runs", "run"), ("outputs", "output")])
def test_after_something_that_is_not_there_is_an_error(command: CommandLine, kind: str, unknown: str) -> None:
    for text in (f"{unknown}-0123456789ab", "../x"):
        left = command(kind, "list", "--after", text, code=1)
        assert text in left.err
        assert len(left.err.strip().splitlines()) == 1
    assert command(kind, "list", "--limit", "0", code=2).out == ""


def test_runs_in_the_order_of_coming_and_without_their_curves(command: CommandLine) -> None:
    ids = [add_run(number, epochs=number % 3) for number in range(105)][::-1]
    table = command("runs", "list").out
    assert ids_in(table, "run") == ids[:100]
    assert f"5 more. See the next with --after {ids[99]}," in table
    listed = command("runs", "list", "--json").document
    assert [run["id"] for run in listed] == ids
    assert [run["epochs"] for run in listed[:4]] == [2, 1, 0, 2]
    assert not {"history", "prepared"} & set(listed[0])
    assert listed[0]["n_songs"] == 3
    assert listed[0]["request"] == {"training": {"epochs": 9}, "seed": 0}
    page = command("runs", "list", "--json", "--after", ids[1], "--limit", "2").document
    assert [run["id"] for run in page] == ids[2:4]
    assert len(command("runs", "show", ids[0], "--json").document["history"]) == 2
    assert [run["id"] for run in command("runs", "list", "--json", "--search", "run 7").document] == [
        f"run-{number:012x}" for number in (*range(79, 69, -1), 7)
    ]


def test_a_list_is_written_while_it_is_read(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [add_run(number) for number in range(5)][::-1]
    monkeypatch.setattr("musicgen.runs.rows.AT_ONCE", 2)
    assert [run.id for run in api.each_run()] == ids

    def history(run: api.Run) -> list[object]:
        if run.id == ids[3]:
            raise ZeroDivisionError
        return []

    monkeypatch.setattr(api.Run, "history", property(history))
    written = command("runs", "list", "--json", code=70).out
    assert re.findall(r'"id": "(run-\w+)"', written) == ids[:3]


def test_outputs_are_listed_by_run(command: CommandLine) -> None:
    run_id = add_run(1)
    for number in range(3):
        row = {
            "id": f"output-{number:012x}",
            "run_id": run_id if number else "run-00000000000f",
            "name": f"Piece {number}",
        }
        row |= {"task_id": "task-000000000001", "medium": "midi", "seconds": 61.0, "sidecar": {"seed": number}}
        database.change(sa.insert(outputs).values(**row, created_at=50.0 - number))
    assert [each["seed"] for each in command("outputs", "list", "--json").document] == [2, 1, 0]
    assert ids_in(command("outputs", "list", "--run", run_id).out, "output") == [
        "output-000000000002",
        "output-000000000001",
    ]
    assert "1 min 1 s" in command("outputs", "list").out
    assert "2 more" in command("outputs", "list", "--limit", "1").out
    assert "No such run" in command("outputs", "list", "--run", "run-0123456789ab", code=1).err
    left = command("outputs", "delete", "output-000000000000", "output-0123456789ab", code=1)
    assert "1 deleted, 1 not" in left.err
    assert api.count_outputs() == 2


def test_histories_are_kept_in_number_and_counted_as_they_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT_ROWS", 10)
    kept = history._Kept()
    monkeypatch.setattr(history, "_kept", kept)
    paths = [tmp_path / f"{number}.jsonl" for number in range(6)]
    for number, path in enumerate(paths):
        for epoch in range(1, number + 2):
            append_row(path, row(epoch))
    for path in (*paths, paths[0], paths[0], paths[5]):
        read_history(path)
        held = [len(known.rows) for known in kept._by_path.values()]
        assert kept._num_rows == sum(held)
        assert 0 < sum(held) <= 10
    paths[5].unlink()
    assert read_history(paths[5]) == []
    assert kept._num_rows == sum(len(known.rows) for known in kept._by_path.values())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "under 0.1 s"), (0.094, "under 0.1 s"), (0.12, "0.1 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
     (59.6, "1 min"), (61.0, "1 min 1 s"), (3599.7, "1 h"), (5400.0, "1 h 30 min"), (90_000.0, "25 h")],
)  # fmt: skip
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_run_that_waits_or_works_shows_no_time_that_is_not_one(command: CommandLine) -> None:
    with nobody_supervises():
        for number, state in enumerate(("queued", "starting", "running", "paused", "failed")):
            run_id = add_run(number, state)
            database.change(sa.update(tasks).where(tasks.c.run_id == run_id).values(
                started_at=None if state == "queued" else 1e9, finished_at=1e9 - 86_000 if state == "failed" else None
            ))  # fmt: skip
            text = command("runs", "show", run_id).out
            assert not re.search(r"0\.0|-\d", text.replace(run_id, "")), text
            assert "None" not in text
            assert command("runs", "show", run_id, "--json").document["seconds"] is None


# --- several at once ------------------------------------------------------------------------------------------------


def state_of(run_id: str) -> str:
    return api.get_run(run_id).state


@pytest.fixture
def waiting(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


def test_many_are_cancelled_and_one_that_cannot_be_is_said(waiting: None, command: CommandLine) -> None:
    ids = [add_run(number, "queued") for number in range(4)]
    left = command("runs", "cancel", ids[0], "run-0123456789ab", ids[1], ids[0], code=1)
    assert [state_of(each) for each in ids] == ["cancelled", "cancelled", "queued", "queued"]
    assert "run-0123456789ab: " in left.err
    assert "2 cancelled, 1 not" in left.err
    assert command("runs", "cancel", ids[2], ids[3], "--json").document == {"cancelled": ids[2:], "failed": []}
    assert command("runs", "cancel", ids[2]).err == ""


def test_what_the_system_refuses_for_one_is_said_and_the_others_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    def act(each: str) -> None:
        if each == "b":
            raise OSError(errno.EACCES, "Permission denied", "/b")

    with pytest.raises(typer.Exit):
        for_each(["a", "b", "c"], act, "done", as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["done"] == ["a", "c"]
    assert "Received: Permission denied (/b)." in document["failed"][0]["reason"]
    with pytest.raises(BrokenPipeError):
        for_each(["a", "b"], _break, "done")


def _break(_each: str) -> None:
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_all_that_wait_are_cancelled_and_nothing_else(waiting: None, command: CommandLine) -> None:
    queued = [add_run(number, "queued") for number in range(3)]
    others = {state: add_run(9 + number, state) for number, state in enumerate(("paused", "running", "succeeded"))}
    add_run(20, "queued", kind="generate")
    (generation,) = api.list_tasks(kind="generate")
    cancelled = command("runs", "cancel", "--all-queued", "--json").document["cancelled"]
    assert cancelled == [*queued, generation.id]
    assert [state_of(each) for each in queued] == ["cancelled"] * 3
    assert api.get_task(generation.id).state == "cancelled"
    assert {state: state_of(each) for state, each in others.items()} == {state: state for state in others}
    assert "0 cancelled" in command("runs", "cancel", "--all-queued").err


def test_all_that_wait_are_paused_and_go_on_together(waiting: None, command: CommandLine) -> None:
    song = add_song()
    ids = [start(song, seed=seed) for seed in range(3)]
    add_run(20, "queued", kind="generate")
    assert "3 paused" in command("runs", "pause", "--all-queued").err
    assert [state_of(each) for each in ids] == ["paused"] * 3
    (generation,) = api.list_tasks(kind="generate")
    assert generation.state == "queued"
    assert command("runs", "pause", ids[0], ids[1]).code == 0
    assert command("runs", "resume", "--all-paused", "--no-wait", "--json").document["resumed"] == ids
    assert [row["run_id"] for row in states.active_tasks() if row["kind"] == "train"] == ids
    left = command("runs", "resume", ids[0], ids[1], "--no-wait", code=1)
    assert left.err.count("Only a run that has stopped can be resumed") == 2


def test_runs_that_wait_are_deleted_together(waiting: None, command: CommandLine) -> None:
    queued, kept = [add_run(number, "queued") for number in range(3)], add_run(7)
    assert command("runs", "delete", "--all-queued", "--json").document == {"deleted": queued, "failed": []}
    assert [run.id for run in api.list_runs()] == [kept]
    assert not any(run_folder(each).exists() for each in queued)
    left = command("runs", "delete", kept, "output-0123456789ab", code=1)
    assert "1 deleted, 1 not" in left.err
    assert api.list_runs() == []


@pytest.mark.parametrize("action", ["cancel", "pause", "resume", "delete"])
def test_named_or_all_is_one_of_the_two(command: CommandLine, action: str) -> None:
    option = "--all-paused" if action == "resume" else "--all-queued"
    for arguments in ((), (add_run(1), option)):
        assert option in command("runs", action, *arguments, code=2).err


def test_a_json_list_of_none_and_one(capsys: pytest.CaptureFixture[str]) -> None:
    from musicgen.cli.listing import print_json_list

    for items in ([], [{"name": "Übung"}], [{"a": 1}, {"b": [1, 2]}]):
        print_json_list(iter(items), None)
        assert json.loads(capsys.readouterr().out) == items


def test_what_is_counted_is_a_line_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(waiting_module.time, "monotonic", lambda: clock[0])
    with waiting_module.counting("Preparing") as on_progress:
        for number in range(1, 9):
            clock[0] += 1.0
            on_progress("reading", number * 500, 4000)
    assert capsys.readouterr().err.splitlines() == [
        "Preparing, reading: 1,500 of 4,000 songs",
        "Preparing, reading: 3,000 of 4,000 songs",
    ]
