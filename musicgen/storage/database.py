"""The record of songs, runs, outputs, blind tests, searches and lessons: tables, engine and ids (SQLAlchemy Core).

SQLite by default, or PostgreSQL. Both let one transaction at a time write, and it sees all that was written before.

WAL is used only on SQLite versions without the WAL-reset bug (3.7.0-3.51.2, and 3.52.0 was withdrawn);
other versions use the rollback journal, which is fast enough for a few writes a second.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from musicgen.errors import NotFound, sentence
from musicgen.settings import home, settings
from musicgen.storage import postgres
from musicgen.storage.record_faults import bad_url, shown_url, speak_plainly
from musicgen.storage.schema import bring_up_to_date, sequence

PATIENCE_MS = 30_000  # how long to wait for others to finish writing

metadata = sa.MetaData()

songs = sa.Table(
    "songs",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("medium", sa.String(8), nullable=False),  # audio | midi
    sa.Column("format", sa.String(8), nullable=False),  # wav, mp3, flac, ogg, m4a, midi
    sa.Column("source", sa.String(255), nullable=False),  # "upload" or the name and origin of a sample
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("rights", sa.Text, default=""),  # to it, as the user states them
    # All that listing and searching need. The rows themselves, long with their facts, are read for one page only.
    sa.Index("ix_songs_listed", "created_at", "id", "medium", "name", "seconds"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("approach", sa.String(64), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("rights", sa.Text, default=""),  # to its songs and its music, as its owner states them
    sequence("runs"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # train | generate
    sa.Column("run_id", sa.String(24), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("device", sa.String(32), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("advice", sa.Text, nullable=False, default=""),
    sa.Column("wish", sa.String(16), nullable=False, default=""),  # "", cancel or pause: what the user asked for
    sa.Column("fence", sa.String(24), nullable=False, default=""),  # the only worker that may write
    sa.Column("pid", sa.Integer),
    sa.Column("submit_key", sa.String(64), unique=True),  # makes a double click one task
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("work_seconds", sa.Float),  # total of all finished periods of work, by a steady clock
    sequence("tasks"),  # the order of the queue
)

outputs = sa.Table(
    "outputs",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("run_id", sa.String(24), nullable=False, index=True),
    sa.Column("task_id", sa.String(24), nullable=False, index=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("medium", sa.String(8), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("sidecar", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sequence("outputs"),
)

blind_tests = sa.Table(
    "blind_tests",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),  # real | abx
    sa.Column("output_id", sa.String(24), nullable=False, index=True),
    sa.Column("other_id", sa.String(24), nullable=False, default="", index=True),  # a chosen song; the other output
    sa.Column("state", sa.String(16), nullable=False),  # open | finished | given_up
    sa.Column("n_rounds", sa.Integer, nullable=False),  # fixed when it starts
    sa.Column("sealed", sa.JSON, nullable=False),  # which was which: shown to nobody before the test has ended
    sa.Column("answers", sa.JSON, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),  # length of the excerpts, what was levelled
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
    sequence("blind_tests"),
)

studies = sa.Table(
    "studies",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("approach", sa.String(64), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),  # preset, fixed parameters, songs, seed, device, space
    sa.Column("state", sa.String(16), nullable=False, index=True),  # searching | finished | stopped | failed
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("max_trials", sa.Integer, nullable=False),
    sa.Column("max_seconds", sa.Float, nullable=False),  # of training, all trials together
    sa.Column("findings", sa.JSON, nullable=False),  # importance of the parameters, as computed after a trial
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sequence("studies"),
)

trials = sa.Table(
    "trials",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),  # of the study, and the number: no trial is counted twice
    sa.Column("study_id", sa.String(24), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),  # from 0, the preset as it is
    sa.Column("run_id", sa.String(24), nullable=False, default="", index=True),  # "" before it is in the queue
    sa.Column("state", sa.String(16), nullable=False),  # proposed | running | succeeded | pruned | cancelled | failed
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("parameters", sa.JSON, nullable=False),  # of the search space; all others are those of the preset
    sa.Column("facts", sa.JSON, nullable=False),  # epochs, effort of an epoch, curve by share of the effort, resumed
    sa.Column("value", sa.Float),  # lowest held-out loss
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),  # of training
    sa.Column("created_at", sa.Float, nullable=False),
)

judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),  # of the study, and both numbers: a pair is judged once
    sa.Column("study_id", sa.String(24), nullable=False, index=True),
    sa.Column("one", sa.Integer, nullable=False),  # the numbers of two trials
    sa.Column("other", sa.Integer, nullable=False),
    sa.Column("better", sa.String(8), nullable=False),  # one | other | same
    sa.Column("created_at", sa.Float, nullable=False),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("lesson", sa.String(64), nullable=False, index=True),  # the name of its file
    sa.Column("document", sa.JSON, nullable=False),  # the lesson as it was then
    sa.Column("answer", sa.String(32), nullable=False),  # the prediction; fixed when it starts
    sa.Column("work", sa.JSON, nullable=False),  # songs and runs
    sa.Column("result", sa.JSON, nullable=False),  # what was measured; {} until then
    sa.Column("created_at", sa.Float, nullable=False),
    sequence("attempts"),
)

ID_PATTERN = re.compile(r"^(song|run|task|output|test|study|attempt)-[0-9a-f]{12}\Z")  # `$` would let a newline follow


def new_id(kind: str) -> str:
    """A fresh id such as `song-3f9a0c12b7de`. `kind`: song, run, task, output, test, study or attempt."""
    return f"{kind}-{secrets.token_hex(6)}"


def check_id(kind: str, text: str) -> str:
    """`text` if it looks like an id of this kind, else NotFound. No other text ever becomes part of a path."""
    if not (ID_PATTERN.match(text) and text.startswith(f"{kind}-")):
        raise NotFound(sentence(f"A {kind} id looks like {kind}-3f9a0c12b7de", repr(text[:80])))
    return text


def _wal_is_safe() -> bool:
    version = sqlite3.sqlite_version_info
    return version >= (3, 51, 3) and version[:2] != (3, 52)


def _prepare_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is issued by `_begin`
    mode = "WAL" if _wal_is_safe() else "DELETE"
    for pragma in (f"journal_mode={mode}", "synchronous=FULL", f"busy_timeout={PATIENCE_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A writer takes the write lock before it reads, so that it never writes from outdated data.
    if connection.get_execution_options().get("reads_only"):
        connection.exec_driver_sql("BEGIN")
    elif not _took_turn(connection.connection.dbapi_connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_on_postgres(connection: sa.Connection) -> None:
    if not connection.get_execution_options().get("reads_only"):
        postgres.take_turn(connection, PATIENCE_MS)


def _took_turn(connection: Any) -> bool:
    """BEGIN IMMEDIATE, retried every few milliseconds. SQLite itself sleeps longer each time, so among many writers one
    might wait for all that come later."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    return False  # retried once more in the usual way, which reports what is wrong
            time.sleep(random.uniform(0.001, 0.006))
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")


@lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    made = _made_engine(url)
    try:
        bring_up_to_date(made, metadata)
    except BaseException:
        made.dispose()
        raise
    return made


def _made_engine(url: str) -> sa.Engine:
    """Raises InvalidInput."""
    try:
        where = sa.make_url(url)
        if where.get_backend_name() in postgres.NAMES:
            where = postgres.with_driver(where)
            made = sa.create_engine(where, json_deserializer=_document, **postgres.engine_options(where))
        elif where.get_backend_name() != "sqlite":
            raise ValueError("neither SQLite nor PostgreSQL")
        elif where.database in (None, "", ":memory:"):
            raise ValueError("a record in memory, which no other process can read")
        else:  # No pool: each connection is closed after its statement, so that none outlives its folder.
            made = sa.create_engine(where, json_deserializer=_document, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:
        raise bad_url(url, error) from error
    is_sqlite = made.dialect.name == "sqlite"
    speak_plainly(made, str(where.database) if is_sqlite else shown_url(where))
    sa.event.listen(made, "connect", _prepare_connection if is_sqlite else postgres.prepare_connection)
    sa.event.listen(made, "begin", _begin if is_sqlite else _begin_on_postgres)
    return made


def _document(text: str | bytes) -> dict[str, Any]:
    """A JSON column; {} if it is damaged, so that one bad row does not hide all others. Readers check that what they
    need is there."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def engine() -> sa.Engine:
    """The engine of the current database (`MUSICGEN_DATABASE_URL`, else SQLite in `MUSICGEN_HOME`).

    Errors with a cause outside the program are raised as MusicgenError, here and in every statement: see
    record_faults."""
    return _engine(database_url())


def database_url() -> str:
    """The SQLAlchemy URL of the record."""
    return settings().database_url or f"sqlite:///{home() / 'musicgen.db'}"


@contextmanager
def reading() -> Iterator[sa.Connection]:
    """A connection for statements that only read. They wait for nobody."""
    made = engine()
    options: dict[str, Any] = {"reads_only": True}
    if made.dialect.name != "sqlite":
        options["isolation_level"] = "AUTOCOMMIT"  # saves the server two messages for each statement
    with made.connect().execution_options(**options) as connection:
        yield connection


def one(statement: sa.Select[Any]) -> dict[str, Any] | None:
    """First row as a dict, or None."""
    with reading() as connection:
        row = connection.execute(statement).mappings().first()
    return dict(row) if row is not None else None


def every(statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """All rows as dicts."""
    with reading() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def tuples(statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """All rows as the database gives them, for thousands of short ones."""
    with reading() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def change(statement: sa.Executable) -> int:
    """Run one INSERT, UPDATE or DELETE in a transaction of its own; returns the number of rows changed."""
    with engine().begin() as connection:
        return int(connection.execute(statement).rowcount)


def now() -> float:
    """Wall clock, seconds since the Unix epoch, for display only. It may be set forward or back, so no order, no
    duration and no check whether a worker lives depends on it."""
    return time.time()
