"""The database of a backup: its rows copied from engine to engine, and made fit to go on from."""

from typing import Any

from sqlalchemy import Connection, Table, case, select, text, update

from . import audit, verdicts
from .database import Database
from .states import State
from .tables import jobs, metadata
from .tables import verdicts as published

BATCH_ROWS = 1000  # held in memory at once
RESTORED = "restored"


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


def put_back(database: Database, backup: dict[str, Any]) -> int:
    """Make jobs that nobody works on any more pending, and log the restore, in one transaction.

    Returns how many. `backup` is what the log says about the backup, a JSON value.
    """
    broken_off = jobs.c.state.in_((State.RUNNING, State.PUBLISHING))
    with database.write() as connection:
        ids = list(connection.execute(select(jobs.c.id).where(broken_off)).scalars())
        for job in ids:
            _put_back(connection, job)
        audit.append(connection, RESTORED, None, {**backup, "put_back": len(ids)})
    return len(ids)


def folders(database: Database) -> set[str]:
    """The names of all folders that were published."""
    with database.read() as connection:
        return set(connection.execute(select(published.c.folder)).scalars())


def _copy(table: Table, read: Connection, write: Connection) -> int:
    rows = 0
    result = read.execution_options(yield_per=BATCH_ROWS).execute(table.select())
    for batch in result.mappings().partitions():
        write.execute(table.insert(), [dict(row) for row in batch])
        rows += len(batch)
    return rows


def _put_back(connection: Connection, job: str) -> None:
    none = dict.fromkeys((*verdicts.CURRENT, "token", "lease_until", "stage", "percent"))
    values = {**none, **verdicts.current(connection, job), "state": State.PENDING, "not_before": 0}
    uncounted = case((jobs.c.attempts > 0, jobs.c.attempts - 1), else_=0)
    connection.execute(update(jobs).where(jobs.c.id == job).values(**values, attempts=uncounted))
