"""SQLAlchemy's engines: SQLite for one home, PostgreSQL for several."""

import sqlite3
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event, inspect, text
from sqlalchemy.sql.dml import ReturningInsert

from .place import Place, Server
from .reading import BUSY_TIMEOUT_S
from .server import connect

IDLE_S = 30  # after which the server ends a transaction whose service hangs or is cut off


def engine_of(place: Place) -> Engine:
    """The engine for a place. It makes no file, and connects with the first transaction."""
    return _file_engine(place) if isinstance(place, Path) else _server_engine(place)


def version_of(connection: Connection) -> int:
    """The version of the schema; 0 when there is none."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if not inspect(connection).has_table("alembic_version"):
        return 0
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return int(found or 0)


def upsert(
    connection: Connection, table: Table, key: tuple[str, ...], values: dict[str, Any]
) -> None:
    """Insert a row, or update the one that has this key."""
    connection.execute(_upsert(connection.dialect.name, table, key, tuple(values)), values)


def insert_unless_there(
    connection: Connection, table: Table, key: str, values: dict[str, Any]
) -> bool:
    """Insert a row; False when another has this key already. If that one is not committed yet, this
    waits until its transaction has ended."""
    statement = _insert_unless_there(connection.dialect.name, table, key)
    return connection.execute(statement, values).one_or_none() is not None


# Statements are built once, without their values: building one takes longer than executing it.
@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> Insert:
    statement = _insert(dialect, table)
    rest = {name: statement.excluded[name] for name in names if name not in key}
    done: Insert = statement.on_conflict_do_update(index_elements=list(key), set_=rest)
    return done


@cache
def _insert_unless_there(dialect: str, table: Table, key: str) -> ReturningInsert[Any]:
    statement = _insert(dialect, table).on_conflict_do_nothing(index_elements=[key])
    done: ReturningInsert[Any] = statement.returning(table.c[key])
    return done


def _insert(dialect: str, table: Table) -> Any:
    """The insert of the dialect in use, which knows "on conflict". The other dialect is not
    imported: every command would wait for it."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def _file_engine(path: Path) -> Engine:
    uri = f"{path.absolute().as_uri()}?mode=rw"  # rw: never makes a new file where one is missing
    engine = create_engine(
        "sqlite:///file",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
    )
    event.listen(engine, "connect", _configure_file)
    event.listen(engine, "begin", _begin)
    return engine


def _configure_file(connection: sqlite3.Connection, _record: Any) -> None:
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


def _server_engine(server: Server) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(server),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,  # a restarted server is not a fault
    )
    event.listen(engine, "connect", _configure_session)
    return engine


def _configure_session(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        for setting in (
            "synchronous_commit = on",  # what was acknowledged survives a power cut
            f"lock_timeout = '{int(BUSY_TIMEOUT_S)}s'",
            f"idle_in_transaction_session_timeout = '{IDLE_S}s'",
        ):
            cursor.execute(f"SET {setting}")
    connection.commit()
