"""What people say about a job's video: kept beside the machine's verdict, never replacing it."""

import time

from sqlalchemy import Connection, insert, select

from . import audit
from .database import Database
from .errors import JobError, UserError
from .tables import events, jobs, reviews, verdicts

REVIEWED = "reviewed"
MAX_TEXT = 10_000  # characters of a name or a note

DECISIONS = ("fake", "real", "inconclusive")


def add_review(
    database: Database,
    job: str,
    decision: str,
    by: str,
    note: str,
    at: float | None = None,
) -> None:
    """Keep a review, and enter it in the audit log in the same transaction.

    Args:
        job: its whole id.
        decision: one of `DECISIONS`.
        by: who says so; not verified.
        note: why.
        at: seconds since 1970; now, if not given.

    Raises `JobError` when the job has no verdict, `UserError` when name or note are empty or
    longer than `MAX_TEXT` characters, or the decision is none of these.
    """
    if decision not in DECISIONS:
        raise UserError(f"{decision!r} is no decision; there are: {', '.join(DECISIONS)}")
    by, note = _text(by, "--by", "who says so"), _text(note, "--note", "why")
    now = time.time() if at is None else at
    said = {"decision": decision, "by": by, "note": note}
    with database.write() as connection:
        sha256 = _content(connection, job)
        connection.execute(insert(reviews).values(job=job, at=now, **said))
        connection.execute(
            insert(events).values(job=job, at=now, kind=REVIEWED, detail=f"{decision}, by {by}")
        )
        audit.append(connection, REVIEWED, job, said, sha256=sha256, at=now)


def _text(text: str, option: str, what: str) -> str:
    found = text.strip().encode("utf-8", "backslashreplace").decode("utf-8")
    if not found:
        raise UserError(f"{option} is empty; it says {what}")
    if len(found) > MAX_TEXT:
        raise UserError(f"{option} has {len(found)} characters; at most {MAX_TEXT} are kept")
    return found


def _content(connection: Connection, job: str) -> str:
    """The SHA-256 of the video that was judged."""
    row = connection.execute(select(jobs).where(jobs.c.id == job)).one_or_none()
    if row is None:
        raise JobError(f"there is no job {job!r}; `ddaemon jobs list` shows them")
    if connection.execute(select(verdicts.c.number).where(verdicts.c.job == job)).first() is None:
        raise JobError(f"job {job} is {row.state} and has no verdict; there is nothing to review")
    return str(row.sha256)
