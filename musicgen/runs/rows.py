"""Which rows of the record a list shows: by name, and from where on. Knows no runs, only tables with a `sequence`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from musicgen.errors import NotFound, sentence
from musicgen.storage import database
from musicgen.storage.database import check_id

AT_ONCE = 200  # read together where all are wanted: thousands take the memory of so many


def named(table: sa.Table, search: str) -> list[Any]:
    """The condition for a part of the name; none where nothing is searched."""
    return [table.c.name.icontains(search, autoescape=True)] if search.strip() else []


def behind(table: sa.Table, row_id: str | None) -> list[Any]:
    """The condition for what follows a row in a list with the newest first; none without a row. Raises NotFound."""
    if row_id is None:
        return []
    kind = table.name.removesuffix("s")
    found = database.tuples(sa.select(table.c.sequence).where(table.c.id == check_id(kind, row_id)))
    return [is_behind(table, only(found, kind, row_id)[0], row_id)]


def is_behind(table: sa.Table, sequence: int, row_id: str) -> Any:
    """The same for a row that is known."""
    return sa.or_(table.c.sequence < sequence, sa.and_(table.c.sequence == sequence, table.c.id > row_id))


def each(table: sa.Table, after: str | None, read: Callable[[list[Any]], Sequence[Any]]) -> Iterator[Any]:
    """All that `read` finds under a condition on the place, `AT_ONCE` at a time."""
    place = behind(table, after)
    while page := read(place):
        yield from page
        place = [is_behind(table, page[-1].sequence, page[-1].id)]


def count(table: sa.Table, *conditions: Any) -> int:
    """How many rows meet the conditions."""
    return int(database.tuples(sa.select(sa.func.count()).select_from(table).where(*conditions))[0][0])


def only(found: Sequence[Any], kind: str, given: str) -> Any:
    """The first of what was found for an id. Raises NotFound where there is nothing."""
    if not found:
        raise NotFound(sentence(f"A {kind} is in the record until it is deleted", repr(given), f"No such {kind}."))
    return found[0]
