"""The audit log: a chain of entries in the database, and what it can prove.

Each entry holds the hash of the one before it, so that nothing in the middle can be altered,
removed, inserted or moved without breaking the chain. What the chain alone can't show is a log
that lost its last entries, or one that was rewritten as a whole: for that a `LogHead` has to be
kept where the log's owner can't reach it (docs/custody.md).

    hash = SHA-256 of the JSON text [seq, at, kind, job, sha256, detail, previous]

without spaces, with every character beyond ASCII escaped; `previous` of the first entry is 64
zeros. This file appends and never alters; it is read in `audit_log.py`.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import UserError
from .times import iso

if TYPE_CHECKING:  # importing it takes longer than a command that only reads may take
    from sqlalchemy import Connection, TextClause

NOTHING_BEFORE = "0" * 64
HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")

INSERT = (
    "INSERT INTO audit (seq, at, kind, job, sha256, detail, previous, hash)"
    " VALUES (:seq, :at, :kind, :job, :sha256, :detail, :previous, :hash)"
)
TURN = 0x64646165  # PostgreSQL's advisory lock, the same for all that use the database

BEGUN = "log begun"
PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class LogHead:
    """The last entry of a log at some moment. Kept elsewhere, it shows later what was removed."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it stands in the table."""

    seq: int  # 1, 2, 3, ... without a gap
    at: str  # ISO 8601, UTC
    kind: str
    job: str | None
    sha256: str | None  # of the content that the entry is about
    detail: str  # JSON
    previous: str  # hash of the entry before
    hash: str

    @property
    def head(self) -> LogHead:
        return LogHead(self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Witness:
    """A head that was kept outside of the log, and where."""

    where: str
    head: LogHead


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk along the chain found. `broken` is the first entry that is wrong, if any."""

    entries: int  # how many are right, from the first on
    head: LogHead
    broken: int | None = None
    fault: str | None = None


EMPTY = LogHead(0, NOTHING_BEFORE)


def append(
    connection: "Connection",
    kind: str,
    job: str | None,
    detail: Any,
    *,
    sha256: str | None = None,
    at: float | None = None,
) -> LogHead:
    """Add an entry within the caller's write transaction, as its last statements.

    An entry follows the last one, so appenders take turns: a write transaction of SQLite holds the
    database's lock anyway; on PostgreSQL this waits for its turn, which then lasts until the
    transaction ends. Whoever has the turn must not wait for rows that another transaction holds, or
    the two could wait for each other: rows are changed first, and the log is written last.

    Args:
        connection: of `Database.write`: the entry appears with the change that it records.
        kind: what happened, in a word or two.
        job: which job it happened to, if to one.
        detail: a JSON value.
        sha256: of the content that the entry is about, in hex.
        at: seconds since 1970; now, if not given.
    """
    take_turn(connection)
    last = head_of(connection)
    entry = make_entry(
        last,
        iso(time.time() if at is None else at),
        kind,
        job,
        sha256,
        json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False),
    )
    connection.execute(_text(INSERT), asdict(entry))
    return entry.head


def begin(connection: "Connection") -> None:
    """Write the first entry; what happened before it is not in the log."""
    before = connection.execute(_text("SELECT count(*) FROM jobs")).scalar_one()
    append(connection, BEGUN, None, {"jobs_before": before})


def head_of(connection: "Connection") -> LogHead:
    """The last entry, found by its number: the log is not read again for each new one."""
    last = _text("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    row = connection.execute(last).one_or_none()
    return EMPTY if row is None else LogHead(row[0], row[1])


def take_turn(connection: "Connection") -> None:
    """Make this transaction the only one that appends, until it ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_text(f"SELECT pg_advisory_xact_lock({TURN})"))


@cache  # parsing it for parameters takes longer than SQLite takes to execute it
def _text(statement: str) -> "TextClause":
    from sqlalchemy import text

    return text(statement)


def make_entry(
    last: LogHead, at: str, kind: str, job: str | None, sha256: str | None, detail: str
) -> Entry:
    """The entry that follows `last`."""
    seq = last.seq + 1
    digest = entry_hash(seq, at, kind, job, sha256, detail, last.hash)
    return Entry(seq, at, kind, job, sha256, detail, last.hash, digest)


def entry_hash(
    seq: int,
    at: str,
    kind: str,
    job: str | None,
    sha256: str | None,
    detail: str,
    previous: str,
) -> str:
    """The hash of an entry, in hex. Raises TypeError when a part is neither text nor a number."""
    parts = [seq, at, kind, job, sha256, detail, previous]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def walk(entries: Iterable[Entry], witnesses: Sequence[Witness] = ()) -> Walk:
    """Follow the chain to its first broken entry, or to its end and past the witnesses."""
    last = EMPTY
    wanted = {witness.head.seq for witness in witnesses}
    seen: dict[int, str] = {0: NOTHING_BEFORE}
    for entry in entries:
        if found := _break_between(last, entry):
            return Walk(last.seq, last, *found)
        last = entry.head
        if last.seq in wanted:
            seen[last.seq] = last.hash
    for witness in sorted(witnesses, key=lambda witness: witness.head.seq):
        if found := _contradiction(witness, seen, last):
            return Walk(last.seq, last, *found)
    return Walk(last.seq, last)


def parse_head(text: str) -> LogHead:
    """Read `SEQ:HASH`. Raises `UserError` when it is not that."""
    parts = HEAD.fullmatch(text.strip())
    if parts is None:
        raise UserError(
            f"{text!r} is not a head of the audit log; it looks like 17:<64 hexadecimal digits> "
            "(`ddaemon audit export` ends with one)"
        )
    return LogHead(int(parts[1]), parts[2])


def _break_between(last: LogHead, entry: Entry) -> tuple[int, str] | None:
    expected = last.seq + 1
    if entry.seq != expected:
        return expected, f"entry {expected} is missing (the next one is {entry.seq})"
    if not _is_as_written(entry):
        return expected, f"entry {expected} ({entry.kind!s}) was altered after it was written"
    if entry.previous != last.hash:
        return expected, (
            f"entry {expected} ({entry.kind}) does not follow entry {last.seq}: one of the two "
            "was exchanged or moved"
        )
    return None


def _is_as_written(entry: Entry) -> bool:
    try:
        return entry.hash == entry_hash(
            entry.seq,
            entry.at,
            entry.kind,
            entry.job,
            entry.sha256,
            entry.detail,
            entry.previous,
        )
    except TypeError:  # bytes where a text was written
        return False


def _contradiction(witness: Witness, seen: dict[int, str], last: LogHead) -> tuple[int, str] | None:
    seq = witness.head.seq
    if seq > last.seq:
        return last.seq + 1, (
            f"the log ends at entry {last.seq}, but {witness.where} names entry {seq}: "
            "entries were removed at the end"
        )
    if seen[seq] != witness.head.hash:
        return seq, f"entry {seq} is not the one that {witness.where} names: the log was rewritten"
    return None
