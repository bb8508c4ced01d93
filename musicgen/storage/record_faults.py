"""Errors of the record's database in words: it is full, locked, damaged or not available.

SQLAlchemy's `handle_error` sees every error of every statement, connection and commit. An error that is no fault of
the machine or the user passes unchanged.
"""

from __future__ import annotations

import re
import sqlite3

import sqlalchemy as sa

from musicgen.errors import (
    CorruptArtifact,
    InvalidInput,
    MusicgenError,
    ResourceUnavailable,
    StorageUnavailable,
    sentence,
)
from musicgen.faults import MAKE_ROOM
from musicgen.storage import postgres_faults

SHOWN_CHARACTERS = 300
CLOSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
SECRET = re.compile(r"//.*@")  # user and password in a URL
PASSWORD = re.compile(r"(password=)[^&\s]*", re.IGNORECASE)  # among its options


def speak_plainly(engine: sa.Engine, where: str) -> None:
    """From now on this engine raises MusicgenError for faults of the machine or the user."""

    def replace(context: sa.engine.ExceptionContext) -> None:
        if context.is_pre_ping:  # a connection from before the server's restart: a new one is made
            return
        told = in_words(context.original_exception, where)
        if told is not None:
            raise told from context.original_exception

    sa.event.listen(engine, "handle_error", replace)


def in_words(error: BaseException, where: str) -> MusicgenError | None:
    """The error for the user; None for a bug of ours, or for an error that callers expect (an existing row)."""
    if isinstance(error, sqlite3.Error):
        return _sqlite(error, where)
    return postgres_faults.in_words(error, where)


def shown_url(url: sa.URL) -> str:
    """The address of a record without the password, wherever it stands."""
    hidden = {name: "***" for name in url.query if "password" in name.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def bad_url(url: str, error: Exception) -> InvalidInput:
    """The error for a MUSICGEN_DATABASE_URL that gives no engine."""
    shown = PASSWORD.sub(r"\1***", SECRET.sub("//…@", url))
    shown = repr(shown) if len(shown) <= SHOWN_CHARACTERS else f"{shown[:40]!r}… of {len(url):,} characters"
    if isinstance(error, ImportError) and url.startswith("postgres"):
        rule, remedy = "A PostgreSQL record needs psycopg", "Install it: pip install -r requirements-postgres.txt"
        return InvalidInput(sentence(rule, f"{shown} ({_short(error)})", remedy), code="driver")
    rule = (
        "MUSICGEN_DATABASE_URL must be the address of an SQLite file or a PostgreSQL database, such as "
        "sqlite:////folder/musicgen.db or postgresql://user@host/name"
    )
    remedy = "Remove it to keep the record in MUSICGEN_HOME."
    return InvalidInput(sentence(rule, f"{shown} ({_short(error)})", remedy), code="setting")


def _sqlite(error: sqlite3.Error, where: str) -> MusicgenError | None:
    code, text = getattr(error, "sqlite_errorcode", 0) & 0xFF, f"{error}, at {where}"
    if code == sqlite3.SQLITE_FULL:
        rule = "The record needs room on the disk"
        return StorageUnavailable(sentence(rule, text, MAKE_ROOM), code="disk_full")
    if code == sqlite3.SQLITE_IOERR:
        remedy = "Make room on the disk, or check it, and try again. What was stored before is unchanged."
        return StorageUnavailable(sentence("The disk of the record must work", text, remedy), code="disk_error")
    if code in CLOSED:
        remedy = "Make room on the disk, and give yourself permission to write that file and its folder."
        return StorageUnavailable(
            sentence("The record must be open to reading and writing", text, remedy), code="record"
        )
    if code in BUSY:
        remedy = "Try again. If it stays locked, end the program that holds it."
        return ResourceUnavailable(
            sentence("The record must be free within half a minute", text, remedy), code="locked"
        )
    if code == sqlite3.SQLITE_NOMEM:
        remedy = "Close other programs."
        return ResourceUnavailable(sentence("The record must fit into memory", text, remedy), code="memory")
    if code in DAMAGED or "malformed JSON" in text:
        remedy = (
            "Restore that file from a backup, or move it away to start with an empty record. "
            "The files of songs, runs and outputs are intact in the folders beside it."
        )
        return CorruptArtifact(
            sentence("The record must be an intact SQLite database", text, remedy), code="record_damaged"
        )
    return None


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return PASSWORD.sub(r"\1***", SECRET.sub("//…@", lines[0]))[:SHOWN_CHARACTERS].rstrip(".")
