"""Which database a home uses, found without what reading all the settings takes to import."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...storage.errors import ConfigError

TABLE = "DDAEMON_DATABASE"


def database_url(file: Path) -> str:
    """The setting `database.url`, as `read_config` gives it; "" when there is no file.

    The environment wins over the file, and in it the variable of the setting over that of the
    table. Raises `ConfigError` when the file or the table can't be read.
    """
    environment = {name.upper(): value for name, value in os.environ.items()}
    table = _table_of_environment(environment)
    if f"{TABLE}__URL" in environment:
        return environment[f"{TABLE}__URL"]
    if "url" in table:
        return str(table["url"])
    in_file = read_toml(file).get("database", {}) if file.is_file() else {}
    url = in_file.get("url", "") if isinstance(in_file, dict) else ""
    return url if isinstance(url, str) else ""


def read_toml(file: Path) -> dict[str, Any]:
    """What the file says. Raises `ConfigError` when it can't be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error


def _table_of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The whole table as one variable, which is JSON; its keys may have capitals."""
    if TABLE not in environment:
        return {}
    try:
        table = json.loads(environment[TABLE])
    except (ValueError, RecursionError):
        raise ConfigError(f'{TABLE} is not JSON; write it as {{"url": "..."}}') from None
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise ConfigError(f'{TABLE} is not an object; write it as {{"url": "..."}}')
    settings = {name.lower(): value for name, value in table.items()}
    for name in settings.keys() - {"url"}:
        raise ConfigError(f"{TABLE}: there is no setting database.{name}")
    if not isinstance(settings.get("url", ""), str):
        raise ConfigError(f"{TABLE}: its url is not a string")
    return settings
