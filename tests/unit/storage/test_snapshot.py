"""A copy of the tables is exact, of one moment, and all or nothing."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ddaemon.storage import snapshot
from ddaemon.storage.database import Database
from ddaemon.storage.snapshot import copy_tables
from ddaemon.storage.tables import files, metadata


def _with_files(path: Path, count: int) -> Database:
    database = Database.create(path)
    with database.write() as connection:
        rows = [
            {
                "path": Path(f"/in/\udcff{n}.mp4"),
                "size": n,
                "mtime_ns": n,
                "inode": n,
                "job": "j",
                "holder": "",
            }
            for n in range(count)
        ]
        connection.execute(insert(files), rows)
    return database


def _rows(database: Database) -> dict[str, list[tuple]]:
    with database.read() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }


def test_every_row_arrives_and_those_of_before_are_gone(tmp_path: Path) -> None:
    source = _with_files(tmp_path / "a.db", 2 * snapshot.BATCH_ROWS + 1)
    target = Database.create(tmp_path / "b.db")
    counts = copy_tables(source, target)
    assert counts["files"] == 2 * snapshot.BATCH_ROWS + 1
    assert _rows(target) == _rows(source)


def test_a_copy_that_fails_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    source = _with_files(tmp_path / "a.db", 3)
    target = _with_files(tmp_path / "b.db", 1)
    before = _rows(target)
    with sqlite3.connect(tmp_path / "b.db") as plain:
        plain.execute(
            "CREATE TRIGGER full BEFORE INSERT ON files WHEN NEW.size = 2 "
            "BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(Exception, match="full"):
        copy_tables(source, target)
    assert _rows(target) == before
