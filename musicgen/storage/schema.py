"""Adds what a record from an earlier version lacks: tables, columns, indexes, sequence numbers.

Nothing is removed or changed, so that the earlier version can still open it. Knows no particular table.
"""

from __future__ import annotations

import sqlalchemy as sa

SEQUENCE = "sequence"
# (table, column) of all columns, and (table, index) of all indexes: asked directly, because every process begins with
# it, and SQLAlchemy's inspection takes a tenth of a second.
COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
    "postgresql": "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped",
}
INDEXES = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT t.relname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = current_schema()::regnamespace",
}


def sequence(table: str) -> sa.Column[int]:
    """A column that numbers the rows of `table` in the order in which they were added, whatever the wall clock says."""
    return sa.Column(SEQUENCE, sa.Integer, default=next_number(table), index=True)


def next_number(table: str) -> sa.TextClause:
    """One more than the highest number in the table, computed by the statement that writes the row."""
    return sa.text(f"(SELECT coalesce(max({SEQUENCE}), 0) + 1 FROM {table})")


def bring_up_to_date(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Create what is missing, in one transaction. One look if nothing is, because every process begins with it; safe
    while other processes do the same."""
    with engine.connect().execution_options(reads_only=True) as connection:
        if _is_complete(connection, metadata):
            return
    with engine.begin() as connection:  # looked at again: another process may have been faster
        metadata.create_all(connection)
        columns, indexes = _missing(connection, metadata)
        for column in columns:
            _add(connection, column)
        for index in indexes:
            index.create(connection)
        for table in _numbered(metadata):
            _number(connection, table)


def _is_complete(connection: sa.Connection, metadata: sa.MetaData) -> bool:
    columns, indexes = _missing(connection, metadata)
    if columns or indexes:
        return False
    unnumbered = (_unnumbered(table).limit(1) for table in _numbered(metadata))
    return all(connection.execute(each).first() is None for each in unnumbered)


def _missing(connection: sa.Connection, metadata: sa.MetaData) -> tuple[list[sa.Column[object]], list[sa.Index]]:
    """The columns (all of them for a table that is not there) and the indexes that the record lacks."""
    columns, indexes = (
        {tuple(row) for row in connection.exec_driver_sql(asked[connection.dialect.name])}
        for asked in (COLUMNS, INDEXES)
    )
    wanted = [index for table in metadata.sorted_tables for index in table.indexes]
    return (
        [each for table in metadata.sorted_tables for each in table.c if (table.name, each.name) not in columns],
        [each for each in wanted if each.table is not None and (each.table.name, each.name) not in indexes],
    )


def _numbered(metadata: sa.MetaData) -> list[sa.Table]:
    return [table for table in metadata.sorted_tables if SEQUENCE in table.c]


def _unnumbered(table: sa.Table) -> sa.Select[tuple[str]]:
    return sa.select(table.c.id).where(table.c[SEQUENCE].is_(None))


def _add(connection: sa.Connection, column: sa.Column[object]) -> None:
    told = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    table = connection.dialect.identifier_preparer.format_table(column.table)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {told}")


def _number(connection: sa.Connection, table: sa.Table) -> None:
    """Number the rows of an earlier version by date, the only order that they have."""
    for row_id in connection.execute(_unnumbered(table).order_by(table.c.created_at, table.c.id)).scalars().all():
        connection.execute(sa.update(table).where(table.c.id == row_id).values({SEQUENCE: next_number(table.name)}))
