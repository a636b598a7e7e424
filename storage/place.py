"""Where a database is: an SQLite file, or a database on a PostgreSQL server."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .errors import ConfigError

FILE = "sqlite:///"
SERVER = "postgresql+psycopg://"
ALONE = ""  # the name of a home that shares its database with nobody


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a PostgreSQL server. Its `repr` omits the URL, which may hold a password."""

    url: str = field(repr=False)  # as libpq reads it: postgresql://USER:PASSWORD@HOST/NAME

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
        return f"PostgreSQL database {parts.path.lstrip('/')}" + (f" on {host}" if host else "")


Place = Path | Server


def place_of(url: str, default: Path) -> Place:
    """The place that `database.url` names; `default` when it names none. Raises `ConfigError`.

    The message never shows the URL: it may hold a password.
    """
    if not url:
        return default
    if url.startswith(f"{FILE}/") and "?" not in url:
        return Path(unquote(url.removeprefix(FILE)))
    if url.startswith(SERVER) and is_url(url):
        return Server(f"postgresql://{url.removeprefix(SERVER)}")
    raise ConfigError(
        f"database.url names no database that ddaemon can use: it is {SERVER}USER@HOST/NAME "
        f"or {FILE}/FILE with an absolute path (docs/database.md)"
    )


def is_url(text: str) -> bool:
    """Whether it can be parsed at all."""
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False
