"""Selects the rows that a list shows, by name and position. Knows no runs, only tables with a `sequence`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from musicgen.errors import NotFound, sentence
from musicgen.storage import database
from musicgen.storage.database import check_id

AT_ONCE = 200  # rows read together, so that thousands need little memory


def named(table: sa.Table, search: str) -> list[Any]:
    """The condition for a part of the name; none if the search is empty."""
    sought = search.replace("\0", "")  # no name has it, and PostgreSQL does not accept it
    return [table.c.name.icontains(sought, autoescape=True)] if sought.strip() else []


def behind(table: sa.Table, row_id: str | None) -> list[Any]:
    """The condition for rows after this one, newest first; none without a row. Raises NotFound."""
    if row_id is None:
        return []
    kind = table.name.removesuffix("s")
    found = database.tuples(sa.select(table.c.sequence).where(table.c.id == check_id(kind, row_id)))
    return [is_behind(table, only(found, kind, row_id)[0], row_id)]


def is_behind(table: sa.Table, sequence: int, row_id: str) -> Any:
    """The same for a row already read."""
    return sa.or_(table.c.sequence < sequence, sa.and_(table.c.sequence == sequence, table.c.id > row_id))


def each(table: sa.Table, after: str | None, read: Callable[[list[Any]], Sequence[Any]]) -> Iterator[Any]:
    """Everything that `read` finds, `AT_ONCE` rows at a time. `read` takes a condition on the position."""
    place = behind(table, after)
    while page := read(place):
        yield from page
        place = [is_behind(table, page[-1].sequence, page[-1].id)]


def count(table: sa.Table, *conditions: Any) -> int:
    """Number of rows that meet the conditions."""
    return int(database.tuples(sa.select(sa.func.count()).select_from(table).where(*conditions))[0][0])


def only(found: Sequence[Any], kind: str, given: str) -> Any:
    """The first item found for an id. Raises NotFound if there is none."""
    if not found:
        raise NotFound(sentence(f"The id of an existing {kind} is needed", repr(given), f"No such {kind}."))
    return found[0]
