"""Read-only access to a database: plain SQL over either engine, without SQLAlchemy.

Importing SQLAlchemy takes longer than `ddaemon status` may take as a whole.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from .errors import DatabaseLost, HomeError
from .place import Place, Server
from .server import connect, driver, in_short

SCHEMA_VERSION = 3
READABLE = range(1, SCHEMA_VERSION + 1)  # an older one is upgraded when it is next written to
BUSY_TIMEOUT_S = 10.0

SqlValue = str | int | float | None
ResultRow = tuple[Any, ...]


class Reader(Protocol):
    """One open database. A statement has a `?` for each value, and no `%`."""

    faults: type[Exception]  # what `rows` raises when a table can't be read

    def rows(self, statement: str, *values: SqlValue) -> Iterator[ResultRow]:
        """The rows that the statement finds, one at a time."""
        ...

    def begin(self) -> None:
        """From here on, everything is read as it was at one moment."""
        ...

    def tables(self) -> set[str]:
        """The names of its tables: a database of an older schema lacks the newer ones."""
        ...

    def schema(self) -> int:
        """The version of the tables; 0 when there are none."""
        ...

    def close(self) -> None: ...


class FileReader:
    """Reads an SQLite file. Raises `sqlite3.DatabaseError` when it is something else."""

    faults: type[Exception] = sqlite3.DatabaseError

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=rw"  # rw: never makes a new file
        self._connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
        )
        # Whatever somebody wrote into a table must be readable, to be reported as altered.
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    def rows(self, statement: str, *values: SqlValue) -> Iterator[ResultRow]:
        return iter(self._connection.execute(statement, values))

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master")}

    def schema(self) -> int:
        return int(next(self.rows("PRAGMA user_version"))[0])

    def close(self) -> None:
        self._connection.close()


class ServerReader:
    """Reads a database on a PostgreSQL server. Raises `psycopg.Error` when it can't."""

    def __init__(self, server: Server) -> None:
        self._connection = connect(server, autocommit=True)
        self.faults: type[Exception] = driver().Error
        self._lost: type[Exception] = driver().OperationalError
        self._server = server
        self._cursors = 0

    def rows(self, statement: str, *values: SqlValue) -> Iterator[ResultRow]:
        self._cursors += 1  # a name each: the server keeps the rows not yet fetched
        try:
            with self._connection.cursor(f"rows_{self._cursors}", withhold=True) as cursor:
                cursor.execute(statement.replace("?", "%s").encode(), values)
                yield from cursor
        except self._lost as error:
            raise DatabaseLost(f"{self._server} was lost: {in_short(error)}") from error

    def begin(self) -> None:
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def tables(self) -> set[str]:
        found = self.rows(
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        )
        return {name for (name,) in found}

    def schema(self) -> int:
        if "alembic_version" not in self.tables():
            return 0
        found = next(self.rows("SELECT version_num FROM alembic_version"), ("0",))[0]
        if not found.isdecimal():
            raise HomeError(
                f"{self._server} holds the tables of another program; give ddaemon a database, "
                "or a schema, of its own (docs/database.md)"
            )
        return int(found)

    def close(self) -> None:
        self._connection.close()


def open_checked(place: Place) -> Reader:
    """Open an existing database; raise `HomeError` when it is not ddaemon's. Changes nothing."""
    reader = open_unchecked(place)
    if (version := reader.schema()) in READABLE:
        return reader
    reader.close()
    if version:
        raise HomeError(
            f"{place} has schema {version}, this ddaemon reads schema {SCHEMA_VERSION}; "
            "install the ddaemon that wrote it"
        )
    if isinstance(place, Server):
        raise HomeError(f"{place} has no tables of ddaemon yet; `ddaemon init` makes them")
    raise HomeError(_unusable(place, "it has no tables of ddaemon"))


def open_unchecked(place: Place) -> Reader:
    """Open it, whatever version it has. Raises `HomeError` when there is nothing readable."""
    if isinstance(place, Server):
        return _open_server(place)
    if not place.is_file():
        raise HomeError(f"{place} is missing; restore it, or run `ddaemon init` for a new one")
    try:
        reader = FileReader(place)
        reader.schema()
    except sqlite3.DatabaseError as error:
        raise HomeError(_unusable(place, str(error))) from error
    return reader


def is_there(place: Place) -> bool:
    """Whether there is a database. For a server this is taken for granted."""
    return isinstance(place, Server) or place.is_file()


def _open_server(server: Server) -> Reader:
    lost = driver().OperationalError
    try:
        return ServerReader(server)
    except lost as error:
        raise DatabaseLost(f"{server} can't be reached: {in_short(error)}") from error


def _unusable(path: Path, why: str) -> str:
    return (
        f"{path} is not a usable database ({why}); it was left as it is: "
        "move it away and restore a copy, or run `ddaemon init` for a new one"
    )
