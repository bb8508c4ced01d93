"""Adds what a record from an earlier version lacks: tables, columns, indexes, sequence numbers.

Nothing is removed or changed, so that the earlier version can still open it. Knows no particular table.
"""

from __future__ import annotations

import sqlalchemy as sa

SEQUENCE = "sequence"


def sequence(table: str) -> sa.Column[int]:
    """A column that numbers the rows of `table` in the order in which they were added, whatever the wall clock says."""
    return sa.Column(SEQUENCE, sa.Integer, default=next_number(table), index=True)


def next_number(table: str) -> sa.TextClause:
    """One more than the highest number in the table, computed by the statement that writes the row."""
    return sa.text(f"(SELECT coalesce(max({SEQUENCE}), 0) + 1 FROM {table})")


def bring_up_to_date(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Create what is missing. Cheap if nothing is, and safe while other processes do the same."""
    metadata.create_all(engine)
    with engine.connect().execution_options(reads_only=True) as connection:
        is_complete = not _missing(connection, metadata)
    if not is_complete:
        with engine.begin() as connection:  # checked again: another process may have been faster
            for column in _missing(connection, metadata):
                _add(connection, column)
    for table in metadata.sorted_tables:  # `create_all` skips existing tables
        for index in table.indexes:
            index.create(engine, checkfirst=True)
        if SEQUENCE in table.c:
            _number(engine, table)


def _missing(connection: sa.Connection, metadata: sa.MetaData) -> list[sa.Column[object]]:
    looked = sa.inspect(connection)
    missing: list[sa.Column[object]] = []
    for table in metadata.sorted_tables:
        there = {str(column["name"]) for column in looked.get_columns(table.name)}
        missing += [column for column in table.c if column.name not in there]
    return missing


def _add(connection: sa.Connection, column: sa.Column[object]) -> None:
    told = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    table = connection.dialect.identifier_preparer.format_table(column.table)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {told}")


def _number(engine: sa.Engine, table: sa.Table) -> None:
    """Number the rows of an earlier version by date, the only order that they have."""
    without = sa.select(table.c.id).where(table.c[SEQUENCE].is_(None))
    with engine.connect().execution_options(reads_only=True) as connection:
        if connection.execute(without.limit(1)).first() is None:
            return
    with engine.begin() as connection:
        ids = connection.execute(without.order_by(table.c.created_at, table.c.id)).scalars().all()
        for row_id in ids:
            connection.execute(sa.update(table).where(table.c.id == row_id).values({SEQUENCE: next_number(table.name)}))
