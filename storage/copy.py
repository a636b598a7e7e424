"""Copying every table of one database into another, whatever engines they run on."""

from sqlalchemy import Connection, Table, text

from .database import Database
from .tables import metadata

BATCH_ROWS = 1000  # held in memory at once


def copy_tables(source: Database, target: Database) -> dict[str, int]:
    """Replace all rows of `target` with those of `source`, as they were at one moment.

    Writes all of them or none. Returns the number of rows by table. Both databases must have the
    current schema.
    """
    with source.read() as read, target.write() as write:
        if read.dialect.name == "postgresql":  # else each statement would see another moment
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
