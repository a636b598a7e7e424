"""Which database a home uses, found without what reading all the settings takes to import."""

import os
import tomllib
from pathlib import Path
from typing import Any

from ...storage.errors import ConfigError

TABLE = "DDAEMON_DATABASE"


def database_url(file: Path) -> str:
    """The setting `database.url`, as `read_config` gives it; "" when there is no file."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    if TABLE in environment:  # a whole table, as JSON
        from .config import read_config_if_any

        return read_config_if_any(file).database.url
    if f"{TABLE}__URL" in environment:
        return environment[f"{TABLE}__URL"]
    table = read_toml(file).get("database", {}) if file.is_file() else {}
    url = table.get("url", "") if isinstance(table, dict) else ""
    return url if isinstance(url, str) else ""


def read_toml(file: Path) -> dict[str, Any]:
    """What the file says. Raises `ConfigError` when it can't be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
