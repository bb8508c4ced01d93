"""PostgreSQL as the record: how it is reached, and one writer at a time as on SQLite. Knows no tables.

Every transaction that may write first takes one lock of the whole database. So it never writes from outdated data,
numbers are given out once, and two processes that create the tables at the same time do so one after the other. The
waiting are served in the order in which they came. Readers never wait.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from musicgen.errors import InvalidInput, StorageUnavailable, sentence

DRIVER = "postgresql+psycopg"
NAMES = ("postgres", "postgresql")  # as other programs write the address; both mean our driver
CONNECT_SECONDS = 10
TURN = int.from_bytes(b"musicgen")  # the number of the lock
# A client that vanished with its machine must not keep the lock for hours: the server asks after it, and ends a
# transaction in which nothing happens any more. (Moving the files of an import is part of a transaction.)
SESSION = (
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET idle_in_transaction_session_timeout = '10min'; SET timezone = 'UTC'"
)
# The client does the same, so that nobody waits for hours for a server that has vanished.
KEEPALIVES = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}


def with_driver(url: sa.URL) -> sa.URL:
    """The address with our driver. Raises InvalidInput if it names another one."""
    if url.drivername in (*NAMES, DRIVER):
        return url.set(drivername=DRIVER)
    rule = "A PostgreSQL record is reached through psycopg, with an address such as postgresql://user@host/name"
    raise InvalidInput(sentence(rule, url.drivername, "Correct MUSICGEN_DATABASE_URL."), code="setting")


def engine_options(url: sa.URL) -> dict[str, Any]:
    """For `create_engine`: connections are kept, and looked at before they are used again, because the server may have
    been restarted. What the address itself says comes first."""
    given = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVES}
    return {
        "connect_args": {name: value for name, value in given.items() if name not in url.query},
        "pool_pre_ping": True,
        "pool_size": 5,  # a worker uses one, the server of the pages as many as it has visitors at the same moment
        "max_overflow": 20,
        "pool_use_lifo": True,
    }


def prepare_connection(connection: Any, _record: object) -> None:
    """Of each new connection. Raises StorageUnavailable if the database cannot keep all letters."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        remedy = "Create it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        rule = "The database of the record must be in UTF8, so that it can keep every name"
        raise StorageUnavailable(sentence(rule, encoding, remedy), code="encoding")
    was_autocommit, connection.autocommit = connection.autocommit, True
    connection.execute(SESSION)
    connection.autocommit = was_autocommit


def take_turn(connection: sa.Connection, patience_ms: int) -> None:
    """Wait until no other transaction writes. Raises an error of the database after `patience_ms`."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience_ms}; SELECT pg_advisory_xact_lock({TURN})")
