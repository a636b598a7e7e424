"""The SQLite database: how it is opened, and the two kinds of transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from .errors import HomeError
from .tables import metadata

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 10_000


class Database:
    """One database file. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def create(cls, path: Path) -> "Database":
        """Make the file with today's tables; an existing one is opened instead."""
        if path.exists():
            return cls.open(path)
        database = cls(_engine(path))
        with database.write() as connection:
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        path.chmod(0o600)
        return database

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open an existing file; raise `HomeError` when it is missing, damaged or too new."""
        if not path.is_file():
            raise HomeError(f"{path} is missing; restore it, or run `ddaemon init` for a new one")
        database = cls(_engine(path))
        try:
            with database.read() as connection:
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        except DatabaseError as error:
            raise HomeError(
                f"{path} is not a usable database ({error.orig}); it was left as it is: "
                "move it away and restore a copy, or run `ddaemon init` for a new one"
            ) from error
        if version != SCHEMA_VERSION:
            raise HomeError(
                f"{path} has schema {version}, this ddaemon reads schema {SCHEMA_VERSION}; "
                "install the ddaemon that wrote it"
            )
        return database

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


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own transaction handling would open deferred transactions behind our back.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # what was acknowledged survives a power cut
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
