"""Empty PostgreSQL databases for tests, on one server that the test process starts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from musicgen.benchmarks import postgres_server
from musicgen.storage import database
from musicgen.storage.schema import bring_up_to_date

TEMPLATE = "template_record"
LEAVING_SECONDS = 10.0  # how long a closed connection may take to end on the server


class Databases:
    """Copies of one database with all tables: some ten times as fast as creating them."""

    def __init__(self, server: postgres_server.Server) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[Databases]:
        """Skips the test, with the reason, where there is no server or no driver."""
        pytest.importorskip("psycopg", reason="psycopg is not installed (requirements-postgres.txt)")
        if postgres_server.programs() is None:
            pytest.skip("the PostgreSQL server is not installed (Debian: postgresql)")
        with postgres_server.serving() as server:
            found = cls(server)
            found.run(f"CREATE DATABASE {TEMPLATE}")
            made = database._made_engine(server.url(TEMPLATE))
            bring_up_to_date(made, database.metadata)
            made.dispose()
            yield found

    @contextmanager
    def fresh(self, template: str = TEMPLATE) -> Iterator[str]:
        """The address of a new database; `template0` for an empty one. It is gone afterwards, with all connections."""
        name = f"test_{next(self._numbers)}"
        self._create(name, template)
        made: list[Any] = []
        make = database._made_engine
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "_made_engine", lambda url: made.append(make(url)) or made[-1])
            yield self.server.url(name)
        for engine in made:
            engine.dispose()
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """As the owner of the server, outside a transaction."""
        import psycopg

        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _create(self, name: str, template: str) -> None:
        import psycopg

        deadline = time.monotonic() + LEAVING_SECONDS
        while True:
            try:
                self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
                return
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
