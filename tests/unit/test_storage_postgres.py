"""PostgreSQL as the record, on a real server: what goes wrong is said in one sentence, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_disk
import sqlalchemy as sa
from records import TEMPLATE, Databases
from runs_at_work import add_task

from musicgen.benchmarks.postgres_server import PASSWORD
from musicgen.errors import InvalidInput, MusicgenError, StorageUnavailable
from musicgen.processes import ROOT
from musicgen.runs import states
from musicgen.storage import database, postgres, reserve
from musicgen.storage.database import songs, tasks
from musicgen.storage.postgres_faults import AWAY

pytestmark = pytest.mark.postgresql
CREATE = "from musicgen.storage import database; print(database.engine().dialect.name)"


@pytest.fixture
def record(databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database with all tables, in force."""
    with databases.fresh() as url:
        monkeypatch.setenv("MUSICGEN_DATABASE_URL", url)
        yield url


@pytest.fixture
def empty(databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same without any table."""
    with databases.fresh("template0") as url:
        monkeypatch.setenv("MUSICGEN_DATABASE_URL", url)
        yield url


def refused(url: str, monkeypatch: pytest.MonkeyPatch) -> MusicgenError:
    monkeypatch.setenv("MUSICGEN_DATABASE_URL", url)
    with pytest.raises(MusicgenError) as caught:
        database.engine()
    code, out, err = small_disk.call("runs", "list")
    assert (code, out, err.strip()) == (1, "", str(caught.value)), "the command line says the same"
    return caught.value


def test_an_address_that_leads_nowhere(databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = databases.server
    there = server.url(TEMPLATE)
    for url, code, said in (
        (server.url(TEMPLATE, password="wrong-secret"), "not_allowed", "must accept the user and the password"),
        (server.url("missing"), "setting", 'must exist. Received: database "missing" does not exist'),
        (there.replace("//musicgen", "//nobody"), "not_allowed", 'must exist. Received: role "nobody" does not exist'),
        ("postgresql://me:wrong-secret@127.0.0.1:1/x", AWAY, "must answer. Received: Connection refused"),
        ("postgresql://me:wrong-secret@no.such.host.invalid/x", "setting", "host of the PostgreSQL server"),
        (f"{there}&sslmode=perhaps", "setting", "options that PostgreSQL knows"),
        (f"{there}&password=wrong-secret&options=-csearch_path%3Dnowhere", "setting", "schema of the record"),
        (there.replace("postgresql:", "postgresql+asyncpg:"), "setting", "through psycopg"),
    ):
        error = refused(url, monkeypatch)
        assert said in str(error)
        assert "wrong-secret" not in str(error)
        assert len(str(error)) < 500
        assert error.code == code, url


def test_with_the_right_password(databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_name = databases.server.url(TEMPLATE, password=PASSWORD.replace(" ", "%20"))
    for url in (
        by_name,
        by_name.replace("postgresql:", "postgres:"),
        by_name.replace("postgresql:", f"{postgres.DRIVER}:"),
    ):
        engine = database._made_engine(url)
        with engine.connect().execution_options(reads_only=True) as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(songs)).scalar_one() == 0
        engine.dispose()


def test_without_the_driver(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("MUSICGEN_DATABASE_URL", "postgresql://me:secret@host/x")
    with pytest.raises(InvalidInput, match=r"needs psycopg.*pip install -r requirements-postgres.txt") as caught:
        database.engine()
    assert "secret" not in str(caught.value)


def test_a_database_that_cannot_keep_every_letter(
    databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    assert "in UTF8" in str(refused(databases.server.url("latin"), monkeypatch))


def test_a_user_who_may_not_create_tables(databases: Databases, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    databases.run("CREATE ROLE guest LOGIN")
    assert "must be allowed to create its tables" in str(refused(empty.replace("//musicgen", "//guest"), monkeypatch))


def test_tables_are_created_once_by_many_processes(empty: str) -> None:
    command = [sys.executable, "-c", CREATE]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    told = [process.communicate(timeout=120) for process in started]
    assert [out for out, _ in told] == [b"postgresql\n"] * 4, told
    found = sa.inspect(database.engine())
    assert set(found.get_table_names()) == set(database.metadata.tables)
    for table in database.metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.c.keys())


def test_a_record_of_before_gets_its_columns_and_numbers(empty: str) -> None:
    old = sa.MetaData()
    newer = {"sequence", "work_seconds"}
    kept = [sa.Column(each.name, each.type, primary_key=each.primary_key) for each in tasks.c if each.name not in newer]
    sa.Table("tasks", old, *kept)
    engine = database._made_engine(empty)
    row = {"kind": "train", "state": "queued", "device": "cpu", "request": {}, "wish": "", "fence": "", "reason": ""}
    row |= {"advice": ""}
    with engine.begin() as connection:
        old.create_all(connection)
        for number, created in ((1, 30.0), (2, 10.0), (3, 20.0)):
            ids = {"id": f"task-{number:012x}", "run_id": f"run-{number:012x}"}
            connection.execute(sa.insert(old.tables["tasks"]).values(**row, **ids, created_at=created))
    engine.dispose()
    assert [task["run_id"][-1] for task in states.active_tasks()] == ["2", "3", "1"]
    assert add_task()["sequence"] == 4
    assert "ix_tasks_sequence" in {each["name"] for each in sa.inspect(database.engine()).get_indexes("tasks")}


def test_what_numbers_and_letters_it_keeps(record: str) -> None:
    facts = {"large": 2**80, "small": 5e-324, "text": "é \u2028 𝄞", "nested": [{"a": None}], "b": True}
    task = add_task()
    states.claim(task["id"], "f", "cpu")
    assert states.put_back(task["id"], "f", facts)
    found = states.read_task(task["id"])
    assert found is not None
    assert found["request"] == facts
    assert abs(found["created_at"] - time.time()) < 60, "seconds since 1970, whatever the server's time zone"


def test_it_is_found_again_after_a_restart_of_the_server(databases: Databases, record: str) -> None:
    task = add_task()
    assert states.claim(task["id"], "f", "cpu")
    databases.server.stop()
    with pytest.raises(StorageUnavailable, match="must answer") as caught:
        states.read_task(task["id"])
    assert caught.value.code == AWAY
    said: list[bool] = []
    last_word = threading.Thread(target=lambda: said.append(states.begin(task["id"], "f", 1)))
    last_word.start()
    time.sleep(0.5)
    databases.server.start()
    last_word.join()
    assert said == [True], "it waits until the server is back"
    found = states.read_task(task["id"])
    assert found is not None
    assert found["state"] == "running"
    databases.server.stop()
    databases.server.start()
    assert states.wish_for(task["id"], "f") == "", "connections from before are not used"


def test_a_server_that_stays_away_is_said(databases: Databases, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "AWAY_SECONDS", 0.5)
    task = add_task()
    databases.server.stop()
    try:
        with pytest.raises(StorageUnavailable, match="must answer"):
            states.claim(task["id"], "f", "cpu")
    finally:
        databases.server.start()
    assert states.claim(task["id"], "f", "cpu")


def test_the_doctor_says_which_record_it_is(record: str) -> None:
    code, out, _ = small_disk.call("doctor", "--json")
    (check,) = (each for each in json.loads(out)["checks"] if each["name"] == "Record of songs and runs")
    assert (code, check["status"]) == (0, "ok")
    assert check["detail"].startswith("PostgreSQL ")
    assert "connections free" in check["detail"]


def test_a_writer_that_is_killed_lets_the_others_go_on(record: str) -> None:
    program = (
        "import time\nfrom musicgen.storage import database\n"
        "with database.engine().begin():\n    print('locked', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    timer = threading.Timer(0.3, holder.kill)
    timer.start()
    began = time.monotonic()
    assert add_task()["state"] == "queued"
    assert time.monotonic() - began > 0.2
    holder.wait()
    holder.stdout.close()
    timer.join()
