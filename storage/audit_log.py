"""The reading side of the audit log, without SQLAlchemy (`reading.py` says why)."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from .audit import EMPTY, PUBLISHED, Entry, LogHead, Walk, Witness, walk
from .place import Place
from .reading import open_checked

COLUMNS = ", ".join(Entry.__slots__)


class AuditLog:
    """Reads one database's log. Raises `HomeError` when the file is missing, damaged or too new.

    In a file last written by a ddaemon that had no audit log yet, the log is empty.
    """

    def __init__(self, place: Place) -> None:
        self._reader = open_checked(place)
        self._reader.begin()
        self.is_there = "audit" in self._reader.tables()

    def close(self) -> None:
        self._reader.close()

    def entries(self, since: str = "") -> Iterator[Entry]:
        """Every entry written at this time (ISO 8601, UTC) or later, in order."""
        return self._read("WHERE at >= ? ORDER BY seq", since)

    def chain(self) -> Iterator[Entry]:
        """Every entry, in order, whatever time it claims."""
        return self._read("ORDER BY seq")

    def head(self) -> LogHead | None:
        """The last entry; None when there is none."""
        last = next(self._read("ORDER BY seq DESC LIMIT 1"), None)
        return last.head if last else None

    def published(self, *, job: str | None, verdict: str, folder: str) -> list[Entry]:
        """The entries about a verdict's publication: those that match at least one of these.

        Args:
            job: its job.
            verdict: SHA-256 of its `verdict.json`.
            folder: the name under which it lies in the outbox.
        """
        return [
            entry
            for entry in self._read("WHERE kind = ? ORDER BY seq", PUBLISHED)
            if entry.job == job or entry.sha256 == verdict or _folder(entry) == folder
        ]

    def knows(self, job: str | None, head: LogHead | None) -> bool:
        """Whether the log or the queue knows this job, or the log contains this head."""
        statement = (
            "SELECT EXISTS (SELECT 1 FROM audit WHERE job = ? OR (seq = ? AND hash = ?))"
            " OR EXISTS (SELECT 1 FROM jobs WHERE id = ?)"
        )
        seq, digest = (head.seq, head.hash) if head else (None, None)
        return bool(next(self._reader.rows(statement, job, seq, digest, job))[0])

    def verify(self, witnesses: Sequence[Witness] = ()) -> Walk:
        """Follow the chain from its first entry to its last and past the witnesses; then check
        that no publication that the queue knows of is missing."""
        try:
            found = walk(self.chain(), witnesses)
            if found.fault is None and self.is_there:
                found = self._compared_with_queue(found)
        except self._reader.faults as error:
            return Walk(0, EMPTY, 1, f"the log can't be read: {error}")
        return found

    def _compared_with_queue(self, found: Walk) -> Walk:
        if not found.entries:
            return Walk(0, EMPTY, 1, "entry 1 is missing: every log has one from its beginning")
        if lost := self._unpublished():
            fault = f"job {lost} is done, but no entry tells of its publication: it was removed"
            return Walk(found.entries, found.head, found.entries + 1, fault)
        return found

    def _unpublished(self) -> str | None:
        """A job that arrived after the log began and is done, but without a logged publication."""
        begun = datetime.fromisoformat(next(self.chain()).at).timestamp()
        lost = self._reader.rows(
            "SELECT id FROM jobs WHERE state = 'done' AND received_at > ? AND id NOT IN"
            " (SELECT job FROM audit WHERE kind = ? AND job IS NOT NULL) ORDER BY id LIMIT 1",
            begun,
            PUBLISHED,
        )
        return next((str(job) for (job,) in lost), None)

    def _read(self, rest: str, *values: str | None) -> Iterator[Entry]:
        if not self.is_there:
            return iter(())
        # Only column names and the clauses above become part of the statement.
        statement = f"SELECT {COLUMNS} FROM audit {rest}"  # noqa: S608
        return (Entry(*row) for row in self._reader.rows(statement, *values))


def _folder(entry: Entry) -> object:
    """The folder that an entry names, if the entry can still be read."""
    try:
        return json.loads(entry.detail)["folder"]
    except (ValueError, TypeError, LookupError):
        return None
