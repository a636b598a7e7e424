"""A home of schema 1 gets the table of notices, and keeps what it has."""

import sqlite3
from pathlib import Path

from ddaemon.storage.database import Database
from ddaemon.storage.ledger import Ledger
from ddaemon.storage.queue import Queue
from ddaemon.tests.unit.storage.test_queue import arrival


def old_file(path: Path) -> str:
    database = Database.create(path)
    job, _ = Queue(database).enqueue(arrival(path.with_name("a.mp4")))
    database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE notices")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    return job


def test_an_older_file_is_read_as_it_is_and_upgraded_when_opened_for_writing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    job = old_file(path)
    ledger = Ledger(path)
    assert ledger.notices() == []
    assert ledger.undelivered() == []
    assert ledger.get(job).state == "pending"
    Database.open(path).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM notices").fetchone() == (0,)
    assert Ledger(path).get(job).state == "pending"
