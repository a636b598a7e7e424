"""The database: creating it, opening it, and the two kinds of transaction."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from . import audit
from .content import FileStamp
from .engines import engine_of, version_of
from .errors import DatabaseLost, HomeError
from .place import Place, Server
from .reading import SCHEMA_VERSION, open_checked, open_unchecked
from .server import in_short


class Database:
    """One database. Safe to use from several threads and processes.

    Both transactions raise `DatabaseLost` when the database can't be used at present; the next
    transaction may succeed again.
    """

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._place = place
        self._inode = _inode(place)

    @classmethod
    def create(cls, place: Place) -> "Database":
        """Create the current tables; a database that has tables already is opened instead."""
        if isinstance(place, Path):
            if not place.exists():
                _make_file(place)
            return cls.open(place)
        with closing(open_unchecked(place)) as reader:
            is_made = reader.schema() > 0
        return cls.open(place) if is_made else _fill(place)

    @classmethod
    def open(cls, place: Place) -> "Database":
        """Open an existing database; raise `HomeError` when it is missing, damaged or too new.

        A database of an older schema is upgraded to the current one.
        """
        with closing(open_checked(place)) as reader:
            is_old = reader.schema() < SCHEMA_VERSION
        database = cls(engine_of(place), place)
        if is_old:
            database._upgrade()
        return database

    def _upgrade(self) -> None:
        """Upgrade to the current schema, whole or not at all, even if others try meanwhile."""
        with self.write() as connection:
            audit.take_turn(connection)
            if version_of(connection) < SCHEMA_VERSION:  # no other process was faster
                from .migrations import upgrade  # takes longer to import than a service needs

                upgrade(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that blocks nobody; each of its statements sees one consistent state."""
        with self._reporting_loss(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change things: it happens as a whole, or not at all.

        SQLite lets one in at a time, from its first statement on. On PostgreSQL they run side by
        side, so what is read to be changed is read FOR UPDATE; see also `audit.append`.
        """
        with self._reporting_loss(), self._engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def check_in_place(self) -> None:
        """Raise `HomeError` when the file was removed or replaced since it was opened: anything
        written from then on would be lost."""
        if _inode(self._place) != self._inode:
            raise HomeError(f"{self._place} was removed or replaced while it was in use")

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reporting_loss(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            passing = isinstance(error, OperationalError | InterfaceError)
            if not (passing or error.connection_invalidated):
                raise
            why = in_short(error.orig)
            raise DatabaseLost(f"{self._place} can't be used at present: {why}") from error


def _inode(place: Place) -> int | None:
    stamp = FileStamp.at(place) if isinstance(place, Path) else None
    return stamp.inode if stamp else None


def _fill(server: Server) -> Database:
    """Create the tables in a database that has none of ddaemon's."""
    database = Database(engine_of(server), server)
    try:
        with database.read() as connection:
            encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise HomeError(f"{server} is in {encoding}; make one with ENCODING 'UTF8'")
        database._upgrade()
    except ProgrammingError as error:
        raise HomeError(
            f"the tables can't be made in {server}: {in_short(error.orig)}; docs/database.md says "
            "what the role needs"
        ) from error
    return database


def _make_file(path: Path) -> None:
    """Create the file with all its tables at once; one made by another process meanwhile stays."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        database = Database(engine_of(beside), beside)
        database._upgrade()
        database.close()
        with suppress(FileExistsError):
            path.hardlink_to(beside)
    finally:
        beside.unlink(missing_ok=True)
