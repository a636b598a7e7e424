"""How an older database is upgraded to the current schema: by Alembic, forward only.

`versions/` has one file for each released schema. Each spells out what it does and imports no
table: `tables.py` describes the current schema, not the one of that time.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from ..engines import version_of
from ..reading import SCHEMA_VERSION


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables forward within the caller's write transaction: all or none.

    On SQLite the version is also written to `PRAGMA user_version`: read-only access looks for it
    there, and before schema 3 it stood nowhere else.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    version = version_of(connection)
    if version and not inspect(connection).has_table("alembic_version"):
        command.stamp(config, f"{version:04}")
    command.upgrade(config, to)
    if connection.dialect.name == "sqlite":
        reached = SCHEMA_VERSION if to == "head" else int(to)
        connection.exec_driver_sql(f"PRAGMA user_version = {reached}")
