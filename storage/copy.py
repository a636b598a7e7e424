"""Copying every table of one database into another, whatever engines they run on."""

from sqlalchemy import Connection, Table, text

from .database import Database
from .tables import metadata

BATCH_ROWS = 1000  # held in memory at once


def copy_tables(source: Database, target: Database) -> dict[str, int]:
    """Replace all rows of `target` by those of `source`, as they were at one moment.

    All or none is written. Returns the number of rows by table. Both must have today's schema.
    """
    with source.read() as read, target.write() as write:
        if read.dialect.name == "postgresql":  # else each statement would see its own moment
            read.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in reversed(metadata.sorted_tables):  # a new database has rows already
            write.execute(table.delete())
        return {table.name: _copy(table, read, write) for table in metadata.sorted_tables}


def _copy(table: Table, read: Connection, write: Connection) -> int:
    rows = 0
    result = read.execution_options(yield_per=BATCH_ROWS).execute(table.select())
    for batch in result.mappings().partitions():
        write.execute(table.insert(), [dict(row) for row in batch])
        rows += len(batch)
    return rows
