"""The audit log as it is read: plain SQL over the standard library, like `ledger.py`."""

from collections.abc import Iterator
from pathlib import Path

from .audit import PUBLISHED, Entry, Head
from .ledger import open_checked, table_names

COLUMNS = ", ".join(Entry.__slots__)


class AuditLog:
    """Reads one database's log. Raises `HomeError` when the file is missing, damaged or too new.

    A file that no ddaemon with an audit log has written to yet has an empty one.
    """

    def __init__(self, path: Path) -> None:
        self._connection = open_checked(path)
        # Whatever somebody wrote into the table must be read, to be called altered.
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        self._is_there = "audit" in table_names(self._connection)

    def close(self) -> None:
        self._connection.close()

    def entries(self, since: str = "") -> Iterator[Entry]:
        """Every entry written at this time (ISO 8601, UTC) or later, in their order."""
        return self._read("WHERE at >= ? ORDER BY seq", since)

    def chain(self) -> Iterator[Entry]:
        """Every entry, in their order, whatever time it claims."""
        return self._read("ORDER BY seq")

    def head(self) -> Head | None:
        """The last entry; None when there is none."""
        last = next(self._read("ORDER BY seq DESC LIMIT 1"), None)
        return last.head if last else None

    def published(self, *, job: str | None, verdict: str, video: str, folder: str) -> list[Entry]:
        """The entries that tell of a verdict's publication, found by whatever part of it is right.

        Args:
            job: its job.
            verdict: SHA-256 of its `verdict.json`.
            video: SHA-256 of the video that it is about.
            folder: the name under which it lies in the outbox.
        """
        return list(
            self._read(
                "WHERE kind = ? AND (job = ? OR sha256 = ? OR job IN (SELECT job FROM audit WHERE"
                " kind = 'accepted' AND sha256 = ?)"
                " OR CASE WHEN json_valid(detail) THEN json_extract(detail, '$.folder') = ? END)"
                " ORDER BY seq",
                PUBLISHED,
                job,
                verdict,
                video,
                folder,
            )
        )

    def unpublished(self) -> list[str]:
        """Jobs that are done by the queue's word, and since the log began, but not by the log's."""
        if not self._is_there:
            return []
        rows = self._connection.execute(
            "SELECT id FROM jobs WHERE state = 'done' AND id IN"
            " (SELECT job FROM audit WHERE kind = 'accepted') AND id NOT IN"
            " (SELECT job FROM audit WHERE kind = ? AND job IS NOT NULL)",
            (PUBLISHED,),
        )
        return [row[0] for row in rows]

    def _read(self, rest: str, *values: str | None) -> Iterator[Entry]:
        if not self._is_there:
            return iter(())
        # Only column names and the clauses above become part of the statement.
        statement = f"SELECT {COLUMNS} FROM audit {rest}"  # noqa: S608
        return (Entry(*row) for row in self._connection.execute(statement, values))
