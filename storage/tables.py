"""The tables. Times are seconds since 1970 (UTC), paths are absolute."""

import os
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()

# Nanoseconds, inodes, sizes. SQLite's integers have 64 bits anyway, and only one that is declared
# INTEGER numbers its rows by itself.
Long = BigInteger().with_variant(Integer(), "sqlite")


class FilePath(TypeDecorator[Path]):
    """A path, kept as its bytes: file names need not be text in any encoding."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Path | None, dialect: Dialect) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Path | None:
        return None if value is None else Path(os.fsdecode(value))


class FreeText(TypeDecorator[str]):
    """Text from any source: what an engine can't store (NUL, lone surrogates) is escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),  # as the user called the file
    Column("bytes", Long, nullable=False),
    Column("source", FilePath, nullable=False),  # where the content was last seen
    Column("mtime_ns", Long, nullable=False),  # of that file
    Column("inode", Long, nullable=False),  # of that file: touching it changes this or the time
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),  # higher first
    Column("received_at", Float, nullable=False),
    Column("not_before", Float, nullable=False),  # backoff: not to be claimed earlier
    Column("attempts", Integer, nullable=False),  # how often it was claimed
    Column("token", Text),  # of the present claim; null when nobody holds the job
    Column("lease_until", Float),
    Column("stage", Text),  # of the chain, while it runs
    Column("percent", Float),
    Column("started_at", Float),  # of the last attempt
    Column("finished_at", Float),
    Column("decision", Text),
    Column("reason", Text),
    Column("probability", Float),
    Column("folder", Text),  # its name in the outbox or the quarantine
    Column("error", FreeText),  # of the last failed attempt
    Column("holder", Text),  # the home that claimed it last, and finishes it
    Index("jobs_by_turn", "state", "priority", "received_at"),
    Index("jobs_by_end", "state", "finished_at"),
    Index("jobs_by_arrival", "state", "received_at"),
)

# Every change of a job's state, and every failed attempt: the job's history.
events = Table(
    "events",
    metadata,
    Column("id", Long, primary_key=True),
    Column("job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", FreeText, nullable=False),
)

# Every verdict that was published, the first of a job under number 1. The job's own columns hold
# the current one, or one that is on its way to the outbox. Verdicts older than this table have no
# detector.
verdicts = Table(
    "verdicts",
    metadata,
    Column("job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # 1, 2, 3, ... the highest is the current one
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    Column("probability", Float),
    Column("detector", Text),  # its name
    Column("detector_version", Text),
    Column("detector_sha256", Text),  # of its record
    Column("folder", Text, nullable=False),  # its name in the outbox
    Column("finished_at", Float, nullable=False, index=True),
)

# Jobs that are being judged again: by which detector, and since when. Their last row in `verdicts`
# is the current verdict until the new one is published.
reruns = Table(
    "reruns",
    metadata,
    Column("job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("detector", Text, nullable=False),  # its name
    Column("asked_at", Float, nullable=False),
)

# What people say about a job's video, beside its verdicts. All are kept; the latest counts.
reviews = Table(
    "reviews",
    metadata,
    Column("id", Long, primary_key=True),
    Column("job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("decision", Text, nullable=False),  # "fake", "real" or "inconclusive"
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Float, nullable=False),
)

# Notices about ended jobs, one row for each target. It outlives a purged job, so that every target
# is told.
notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),  # the delivery's id: the same at every attempt
    Column("job", Text, nullable=False, index=True),
    Column("event", Text, nullable=False),  # "verdict" or "quarantine"
    Column("target", Text, nullable=False),  # a target's key, never an address: that may be secret
    Column("payload", Text, nullable=False),  # JSON (docs/webhook.schema.json)
    Column("state", Text, nullable=False),  # "waiting", "delivered" or "given_up"
    Column("attempts", Integer, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("answer", FreeText),  # what came back from the last attempt
    Column("created_at", Float, nullable=False),
    Column("delivered_at", Float),
    Column("holder", Text),  # the home that delivers it: others need not know the target
    Index("notices_by_turn", "state", "not_before"),
)

# Files of each home's inbox whose content is in the queue already. It outlives a purged job, so
# that a file which was left in the inbox is not judged again.
files = Table(
    "files",
    metadata,
    Column("holder", Text, primary_key=True),  # the home in whose inbox the path is
    Column("path", FilePath, primary_key=True),
    Column("size", Long, nullable=False),
    Column("mtime_ns", Long, nullable=False),
    Column("inode", Long, nullable=False),
    Column("job", Text, nullable=False, index=True),
)

# The hash-chained log (see audit.py). It outlives a purged job, so `job` is no foreign key.
audit = Table(
    "audit",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),  # 1, 2, 3, ... without a gap
    Column("at", Text, nullable=False),  # ISO 8601, UTC
    Column("kind", Text, nullable=False),
    Column("job", Text, index=True),
    Column("sha256", Text, index=True),  # of the content that the entry is about
    Column("detail", Text, nullable=False),  # JSON
    Column("previous", Text, nullable=False),  # hash of the entry before
    Column("hash", Text, nullable=False),
)
