"""Homes whose queue already holds many finished jobs.

One job goes the whole way through the queue; then plain SQL copies all of its rows, with ids and
hashes of their own. The copied entries of the audit log are not a valid chain: nothing that is
measured follows it.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from ddaemon.daemon.home.home import Home
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Arrival, Outcome, Queue
from ddaemon.storage.verdicts import DetectorRef

LEASE_S = 60.0
SPREAD = 2654435761  # odd: n * SPREAD modulo 2**32 is another number for every n, in no order
HEX = f"printf('%08x', (n * {SPREAD}) % 4294967296)"
NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
JUDGE = DetectorRef("lite0-sequence", "1", "d" * 64)
QUICK = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000", "foreign_keys = OFF")


def finished_home(path: Path, jobs: int) -> Home:
    """A home with so many finished jobs, as it would be after they were judged."""
    home = Home(path)
    home.make()
    home.config.write_text("")
    Database.create(home.database).close()
    database = Database.open(home.database)
    finish_one(Queue(database), arrival(home.inbox / "clip.mp4", "0" * 64))
    database.close()
    _multiply(home.state, jobs - 1)
    return home


def arrival(path: Path, sha256: str) -> Arrival:
    """A file that came in: `sha256` says which content."""
    return Arrival(path, FileStamp(1_000_000, time.time_ns(), 1), sha256, time.time())


def arrivals(inbox: Path, count: int) -> Iterator[Arrival]:
    """So many new files, each of a content of its own."""
    for number in range(count):
        yield arrival(inbox / f"new{number}.mp4", f"f{number:063x}")


def finish_one(queue: Queue, what: Arrival) -> None:
    """One job from its arrival to its published verdict, without judging anything."""
    queue.enqueue(what)
    claim = queue.claim(LEASE_S)
    assert claim is not None
    queue.begin_publishing(claim, Outcome("real", None, 0.1), f"clip-{claim.job}")
    queue.finish(claim.job, "e" * 64, JUDGE)


def _multiply(path: Path, copies: int) -> None:
    connection = sqlite3.connect(path)
    for pragma in QUICK:
        connection.execute(f"PRAGMA {pragma}")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:  # made anew afterwards: quicker than keeping them all the way
        connection.execute(f"DROP INDEX {name}")
    (job,) = connection.execute("SELECT id FROM jobs").fetchone()
    for table in _tables_with_rows(connection):
        _copy_rows(connection, table, job, copies)
    for _, statement in indexes:
        connection.execute(statement)
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _tables_with_rows(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    owned = [name for (name,) in names if {"job", "sha256"} & {*_columns(connection, name)}]
    return [name for name in owned if connection.execute(f"SELECT 1 FROM {name}").fetchone()]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _copy_rows(connection: sqlite3.Connection, table: str, job: str, copies: int) -> None:
    columns = _columns(connection, table)
    owner = "id" if table == "jobs" else "job"
    mine = f"SELECT count(*) FROM {table} WHERE {owner} = ?"
    (rows,) = connection.execute(mine, (job,)).fetchone()
    taken = ", ".join(_copied(table, column, rows) for column in columns)
    quoted = ", ".join(f'"{column}"' for column in columns)
    connection.execute(
        f"{NUMBERS} INSERT INTO {table} ({quoted}) SELECT {taken} FROM numbers, "
        f"(SELECT * FROM {table} WHERE {owner} = ?) ORDER BY n",
        (copies, job),
    )


def _copied(table: str, column: str, rows: int) -> str:
    """What stands in a column of the n-th copy."""
    if column == "job" or (table, column) == ("jobs", "id"):
        return HEX
    if column == "sha256":
        return f"CASE WHEN sha256 IS NULL THEN NULL ELSE {HEX} || printf('%056x', n) END"
    if column in ("id", "seq"):
        return f"{column} + n * {rows}"
    if column in ("path", "source"):
        return f'CAST("{column}" || n AS BLOB)'
    if column in ("folder", "name"):
        return f'"{column}" || n'
    if column in ("received_at", "started_at", "finished_at"):
        return f'"{column}" - (n * {SPREAD}) % 31536000 - n * 0.001'
    return f'"{column}"'
