"""Connections to a PostgreSQL server. psycopg is imported with the first one."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .place import Server

if TYPE_CHECKING:
    import psycopg

    Link = psycopg.Connection[tuple[Any, ...]]

CONNECT_S = 10


def driver() -> ModuleType:
    """The module psycopg. Raises `ConfigError` when it is not installed."""
    try:
        import psycopg
    except ImportError as error:
        raise ConfigError(
            "database.url names a PostgreSQL server, and its driver is not installed: "
            "pip install 'ddaemon[postgres]'"
        ) from error
    return psycopg


def connect(server: Server, *, autocommit: bool = False) -> "Link":
    """Open a connection. Raises `ConfigError` when the URL or the driver is at fault, and
    `psycopg.OperationalError` when the server can't be reached or refuses."""
    psycopg = driver()
    try:
        given = psycopg.conninfo.conninfo_to_dict(server.url)
    except psycopg.ProgrammingError:
        # libpq's own message would show the part at fault, which may be the password.
        raise ConfigError(
            "database.url can't be read; in a password write %40 for @, %3A for :, %2F for /, "
            "%3F for ? and %25 for %"
        ) from None
    defaults = {"connect_timeout": CONNECT_S, "application_name": "ddaemon"}
    options: dict[str, Any] = {**defaults, **given, "client_encoding": "utf8"}
    link: Link = psycopg.connect(autocommit=autocommit, **options)
    return link


def in_short(error: BaseException | None) -> str:
    """The first line of what the server or the driver said."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
