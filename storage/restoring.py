"""Putting back the jobs that were under way when a restored backup was made."""

from typing import Any

from sqlalchemy import Connection, case, select, update

from . import audit, verdicts
from .database import Database
from .states import State
from .tables import jobs
from .tables import verdicts as published

RESTORED = "restored"


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


def _put_back(connection: Connection, job: str) -> None:
    none = dict.fromkeys((*verdicts.CURRENT, "token", "lease_until", "stage", "percent"))
    values = {**none, **verdicts.current(connection, job), "state": State.PENDING, "not_before": 0}
    uncounted = case((jobs.c.attempts > 0, jobs.c.attempts - 1), else_=0)
    connection.execute(update(jobs).where(jobs.c.id == job).values(**values, attempts=uncounted))


def folders(database: Database) -> set[str]:
    """The names of all folders that were published."""
    with database.read() as connection:
        return set(connection.execute(select(published.c.folder)).scalars())
