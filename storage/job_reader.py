"""The queue as people look at it: read-only, and without SQLAlchemy.

Whatever is only displayed is read here (`reading.py` says how); `queue.py` makes all changes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import JobError
from .place import Place
from .reading import open_checked
from .states import State


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it stands now. Times are seconds since 1970."""

    id: str
    name: str
    sha256: str
    bytes: int
    state: str
    priority: int
    stage: str | None
    percent: float | None
    attempts: int
    decision: str | None
    reason: str | None
    probability: float | None
    folder: str | None
    error: str | None
    received_at: float
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class EventView:
    """One entry of a job's history."""

    at: float
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What a person said about a job's video, and when, in seconds since 1970."""

    decision: str
    by: str
    note: str
    at: float


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice: the news of one ended job, for one target."""

    id: str
    job: str
    event: str
    target: str
    state: str
    attempts: int
    not_before: float
    answer: str | None
    created_at: float
    delivered_at: float | None


NOTICE_COLUMNS = ", ".join(NoticeView.__slots__)
JOB_COLUMNS = ", ".join(JobView.__slots__)


class JobReader:
    """Reads one database. Raises `HomeError` when it is missing, damaged or too new."""

    def __init__(self, place: Place) -> None:
        self._reader = open_checked(place)

    def close(self) -> None:
        self._reader.close()

    def get(self, job: str) -> JobView:
        """The job with this id, or the only one whose id begins like this. Raises `JobError`."""
        if not job.isascii():
            found = []  # SQLite takes no undecodable bytes
        else:
            same = "WHERE substr(id, 1, length(?)) = ? ORDER BY id LIMIT 2"
            found = self._jobs("WHERE id = ?", job) or self._jobs(same, job, job)
        if not found or not job:
            raise JobError(f"there is no job {job!r}; `ddaemon jobs list` shows them")
        if len(found) > 1:
            raise JobError(f"more than one job begins with {job!r}; give more letters")
        return found[0]

    def history(self, job: str) -> list[EventView]:
        """The job's events, oldest first."""
        rows = self._reader.rows(
            "SELECT at, kind, detail FROM events WHERE job = ? ORDER BY id", job
        )
        return [EventView(*row) for row in rows]

    def reviews(self, job: str) -> list[ReviewView]:
        """What people said about the job's video, the oldest first; the last one counts."""
        if not self._has("reviews"):
            return []
        rows = self._reader.rows(
            'SELECT decision, "by", note, at FROM reviews WHERE job = ? ORDER BY id', job
        )
        return [ReviewView(*row) for row in rows]

    def source(self, job: str) -> Path | None:
        """Where the job's video was last seen; None when there is no such job any more."""
        row = next(self._reader.rows("SELECT source FROM jobs WHERE id = ?", job), None)
        return None if row is None else Path(os.fsdecode(row[0]))

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        # In the long run most jobs are done. They are counted as the total, for which SQLite need
        # not visit each row, less all others.
        others = [state for state in State if state is not State.DONE]
        each = ", (SELECT count(*) FROM jobs WHERE state = ?)" * len(others)
        statement = f"SELECT (SELECT count(*) FROM jobs){each}"  # noqa: S608 (no user input in it)
        every, *found = next(self._reader.rows(statement, *(state.value for state in others)))
        counts = dict(zip(others, found, strict=True))
        return {state: counts.get(state, every - sum(found)) for state in State}

    def find(self, states: Sequence[State] = tuple(State), limit: int = 50) -> list[JobView]:
        """Jobs in these states, the newest arrival first."""
        return self._in_states(states, "received_at DESC", limit)

    def running(self) -> list[JobView]:
        """The jobs that are being worked on now."""
        return self._in_states((State.RUNNING, State.PUBLISHING), "started_at", limit=1000)

    def last_ended(self, limit: int) -> list[JobView]:
        """The jobs that ended last, in a verdict or in quarantine, newest first."""
        return self._in_states((State.DONE, State.QUARANTINED), "finished_at DESC", limit)

    def notices(self, limit: int = 50, *, failed: bool = False) -> list[NoticeView]:
        """Notices, the newest first; with `failed`, only those whose delivery was given up."""
        if not self._has("notices"):
            return []
        only = "WHERE state = 'given_up'" if failed else ""
        # Only column names and the clause above become part of the statement.
        statement = f"SELECT {NOTICE_COLUMNS} FROM notices {only} ORDER BY created_at DESC LIMIT ?"  # noqa: S608
        return [NoticeView(*row) for row in self._reader.rows(statement, limit)]

    def undelivered(self) -> list[tuple[str, str, int, str | None]]:
        """Targets that failed: target, state, how many notices, and what came back last."""
        if not self._has("notices"):
            return []
        found = self._reader.rows(
            "SELECT target, state, count(*), max(answer) FROM notices WHERE state = 'given_up' "
            "OR (state = 'waiting' AND answer IS NOT NULL) GROUP BY target, state"
        )
        return [(target, state, number, answer) for target, state, number, answer in found]

    def _has(self, table: str) -> bool:
        """Whether the table exists: a file of an older schema, not yet upgraded, lacks some."""
        return table in self._reader.tables()

    def _in_states(self, states: Sequence[State], order: str, limit: int) -> list[JobView]:
        """The first jobs in that order. Those of each state are found by an index of their own: of
        a million ended jobs only `limit` are read."""
        # Only column names, the states' own names and the order become part of the statement.
        one = f"SELECT {JOB_COLUMNS} FROM jobs WHERE state = ? ORDER BY {order} LIMIT ?"  # noqa: S608
        parts = " UNION ALL ".join(f"SELECT * FROM ({one}) AS of_{state}" for state in states)  # noqa: S608 (as above)
        values = [value for state in states for value in (state.value, limit)]
        found = self._reader.rows(f"{parts} ORDER BY {order} LIMIT ?", *values, limit)
        return [JobView(*row) for row in found]

    def _jobs(self, rest: str, *values: str | int) -> list[JobView]:
        # Only column names and the clauses above become part of the statement.
        statement = f"SELECT {JOB_COLUMNS} FROM jobs {rest}"  # noqa: S608
        return [JobView(*row) for row in self._reader.rows(statement, *values)]
