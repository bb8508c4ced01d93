"""The record under many hands: nobody starves, nothing is lost, and a lock that stays is said."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from runs_at_work import add_task

from musicgen.errors import NotFound, ResourceUnavailable
from musicgen.storage import database
from musicgen.storage.database import check_id, songs, tasks

pytestmark = pytest.mark.record


def add_song() -> None:
    row = {
        "id": "song-000000000001",
        "sha256": "0",
        "name": "n",
        "medium": "midi",
        "format": "midi",
        "source": "upload",
    }
    database.change(sa.insert(songs).values(**row, seconds=0.0, facts={}, report={}, created_at=0.0))


def test_many_who_read_change_and_write(home: Path) -> None:
    add_song()
    waits: list[float] = []

    def count() -> None:
        for _ in range(20):
            began = time.monotonic()
            with database.engine().begin() as connection:
                seconds = connection.execute(sa.select(songs.c.seconds)).scalar_one()
                connection.execute(sa.update(songs).values(seconds=seconds + 1))
            waits.append(time.monotonic() - began)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (database.one(sa.select(songs.c.seconds)) or {})["seconds"] == 160.0
    assert max(waits) < 5.0


def test_readers_do_not_wait_for_a_writer(home: Path) -> None:
    add_song()
    with database.engine().begin() as writing:
        writing.execute(sa.update(songs).values(name="new"))
        began = time.monotonic()
        assert database.every(sa.select(songs.c.name)) == [{"name": "n"}]
        assert time.monotonic() - began < 1.0
    assert database.every(sa.select(songs.c.name)) == [{"name": "new"}]


def test_a_lock_that_stays_is_an_error_after_a_while(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_song()
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with database.engine().begin():
            is_held.set()
            may_end.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_held.wait(10)
        monkeypatch.setattr(database, "PATIENCE_MS", 100)
        with pytest.raises(
            ResourceUnavailable, match=r"free within half a minute. Received: .*lock.*, at .*"
        ) as caught:
            database.change(sa.update(songs).values(name="new"))
        assert caught.value.code == "locked"
    finally:
        may_end.set()
        holder.join()
    assert database.change(sa.update(songs).values(name="new")) == 1


def test_the_journal_is_one_that_this_version_of_sqlite_keeps_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, is_safe in (((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 52, 0), False)):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        assert database._wal_is_safe() == is_safe


@pytest.mark.parametrize(
    "text", ["run-3f9a0c12b7de", "song-3f9a0c12b7d", "song-3f9a0c12b7de\n", "song-../../../etc", ""]
)
def test_nothing_but_an_id_is_an_id(text: str) -> None:
    assert check_id("song", "song-3f9a0c12b7de") == "song-3f9a0c12b7de"
    with pytest.raises(NotFound):
        check_id("song", text)


def test_numbers_are_given_out_once_however_many_write(home: Path) -> None:
    threads = [threading.Thread(target=lambda: [add_task() for _ in range(10)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [row["sequence"] for row in database.every(sa.select(tasks.c.sequence))]
    assert sorted(numbers) == list(range(1, 61))


def test_a_change_that_reads_first_never_loses_another(home: Path) -> None:
    """As an answer to a blind test and giving it up: of a read and a write, nothing comes in between."""
    task = add_task()

    def append(number: int) -> None:
        for each in range(5):
            with database.engine().begin() as connection:
                row = connection.execute(sa.select(tasks.c.request).where(tasks.c.id == task["id"])).scalar_one()
                told = {**row, f"{number}-{each}": True}
                connection.execute(sa.update(tasks).where(tasks.c.id == task["id"]).values(request=told))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = database.every(sa.select(tasks.c.request))
    assert len(row["request"]) == 31
