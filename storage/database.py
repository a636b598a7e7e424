"""The SQLite database: how it is opened, and the two kinds of transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from . import audit, verdicts
from .ledger import BUSY_TIMEOUT_S, SCHEMA_VERSION, open_checked
from .tables import metadata


class Database:
    """One database file. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def create(cls, path: Path) -> "Database":
        """Make the file with today's tables; an existing one is opened instead."""
        if path.exists():
            return cls.open(path)
        path.touch(mode=0o600)
        database = cls(_engine(path))
        database._upgrade()
        return database

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open an existing file; raise `HomeError` when it is missing, damaged or too new.

        One of an older schema is brought to today's.
        """
        open_checked(path).close()
        database = cls(_engine(path))
        with database.read() as connection:
            is_old = _version(connection) < SCHEMA_VERSION
        if is_old:
            database._upgrade()
        return database

    def _upgrade(self) -> None:
        """Make the tables that are missing, all or none; no schema so far changed an old one."""
        with self.write() as connection:
            if _version(connection) == SCHEMA_VERSION:  # another process was faster
                return
            metadata.create_all(connection)
            audit.begin(connection)
            verdicts.take_over(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state and blocks nobody."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first statement on."""
        with self._engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _engine(path: Path) -> Engine:
    # rw: a file that was taken away while it is used must not come back empty.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connect = partial(sqlite3.connect, uri, uri=True, check_same_thread=False)
    engine = create_engine(f"sqlite:///{path}", creator=connect)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own transaction handling would open deferred transactions behind our back.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",  # what was acknowledged survives a power cut
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
