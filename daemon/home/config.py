"""`ddaemon.toml`: every setting, its default, what it means, and how the file is read.

The stages' own tables are declared in `stages/settings.py`; this file adds those of the service.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ...stages.settings import Section, StageSettings
from ...storage.errors import ConfigError
from ...storage.place import place_of
from .database_url import read_toml

IGNORED = (
    ".*",
    "*.part",
    "*.tmp",
    "*.crdownload",
    "*.filepart",
    "@eaDir",
    "Thumbs.db",
)


class InboxSettings(Section):
    path: Annotated[str, Field(description="the watched folder; empty: inbox/ in the home")] = ""
    settle: Annotated[
        float, Field(gt=0, description="seconds a file must be untouched before it is taken")
    ] = 2.0
    patience: Annotated[
        float,
        Field(ge=0, description="seconds an untouched file that does not open may still grow"),
    ] = 600.0
    rescan: Annotated[
        float, Field(gt=0, description="seconds between looks at the whole folder")
    ] = 30.0
    watch: Annotated[
        Literal["auto", "events", "polling"],
        Field(description='"auto" polls where the file system sends no events (network shares)'),
    ] = "auto"
    max_gb: Annotated[
        float, Field(gt=0, description="a larger file is not taken: reading it would take hours")
    ] = 50.0
    ignore: Annotated[
        tuple[str, ...], Field(description="names of files and folders that are never taken")
    ] = IGNORED


class OutboxSettings(Section):
    path: Annotated[str, Field(description="where verdicts appear; empty: outbox/ in the home")] = (
        ""
    )
    original: Annotated[
        Literal["leave", "move"],
        Field(description='"leave" the video in the inbox, or "move" it beside its verdict'),
    ] = "leave"


class WorkersSettings(Section):
    count: Annotated[int, Field(ge=1, le=256, description="videos looked at side by side")] = 1
    recycle: Annotated[
        int, Field(ge=1, description="jobs after which a worker process is replaced")
    ] = 50
    job_seconds: Annotated[
        float, Field(gt=0, description="a job that takes longer is ended: one attempt")
    ] = 900.0
    memory_mb: Annotated[
        int, Field(ge=256, description="a worker that takes more memory is ended: one attempt")
    ] = 4096
    grace: Annotated[
        float, Field(ge=0, description="seconds a running job may still take after SIGTERM")
    ] = 20.0
    sandbox: Annotated[
        Literal["auto", "require", "off"],
        Field(
            description='workers are shut in: "auto" by all that the kernel offers, "require" '
            'refuses to start when a part is missing, "off" not at all'
        ),
    ] = "auto"
    readable: Annotated[
        tuple[str, ...],
        Field(description="further folders and files that a stage may read, such as its weights"),
    ] = ()


class QueueSettings(Section):
    lease: Annotated[
        float, Field(gt=0, description="seconds after which a silent worker loses its job")
    ] = 60.0
    heartbeat: Annotated[float, Field(gt=0, description="seconds between signs of life")] = 2.0
    max_attempts: Annotated[
        int, Field(ge=1, le=100, description="failed attempts after which a job is quarantined")
    ] = 3
    backoff: Annotated[
        float, Field(ge=0, description="seconds before the second attempt, doubled for each next")
    ] = 10.0


class DiskSettings(Section):
    min_free_mb: Annotated[
        int, Field(ge=0, description="with less room than this no new video is taken")
    ] = 512


Told = Literal["fake", "real", "inconclusive", "not_analysable", "quarantined"]
SECRET_SETTINGS = frozenset(  # may hold passwords
    {("notify", "webhook"), ("notify", "apprise"), ("database", "url")}
)
SECRET_TABLES = frozenset(table for table, _ in SECRET_SETTINGS)


class NotifySettings(Section):
    on: Annotated[tuple[Told, ...], Field(description="outcomes of a job that are told")] = (
        "fake",
        "real",
        "inconclusive",
        "not_analysable",
        "quarantined",
    )
    command: Annotated[
        tuple[str, ...],
        Field(description="a program and its arguments; JSON on its standard input, no shell"),
    ] = ()
    webhook: Annotated[
        str, Field(pattern=r"^(https?://[^/\s]\S*)?$", description="URL that is POSTed signed JSON")
    ] = ""
    secret_file: Annotated[
        str,
        Field(description="file with the key that signs webhooks; its user's alone (chmod 600)"),
    ] = ""
    allow_private: Annotated[
        bool, Field(description="also tell addresses that are not on the public internet")
    ] = False
    apprise: Annotated[
        tuple[str, ...], Field(description="URLs of Apprise: mail, chat (needs ddaemon[chat])")
    ] = ()
    attempts: Annotated[
        int, Field(ge=1, le=100, description="failed deliveries after which a notice is given up")
    ] = 8
    backoff: Annotated[
        float, Field(gt=0, description="seconds before the second delivery, doubled for each next")
    ] = 30.0
    timeout: Annotated[
        float, Field(gt=0, le=300, description="seconds that one delivery may take")
    ] = 10.0

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> "NotifySettings":
        if self.webhook and not self.secret_file:
            raise ValueError("notify.webhook needs notify.secret_file, the key that signs it")
        return self


class DatabaseSettings(Section):
    url: Annotated[
        str, Field(description="empty: state.db in the home; else SQLite or PostgreSQL by its URL")
    ] = ""

    @field_validator("url")
    @classmethod
    def _is_one_we_can_use(cls, url: str) -> str:
        try:
            place_of(url, Path())
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return url


class LogSettings(Section):
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="of the service's log")
    ] = "info"


class Config(StageSettings, BaseSettings):
    """All settings. Environment variables like `DDAEMON_INBOX__SETTLE=5` win over the file."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="DDAEMON_", env_nested_delimiter="__"
    )

    inbox: InboxSettings = InboxSettings()
    outbox: OutboxSettings = OutboxSettings()
    workers: WorkersSettings = WorkersSettings()
    queue: QueueSettings = QueueSettings()
    disk: DiskSettings = DiskSettings()
    notify: NotifySettings = NotifySettings()
    database: DatabaseSettings = DatabaseSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def for_stages(self) -> StageSettings:
        """The part that is handed to the stages."""
        return StageSettings(**{name: getattr(self, name) for name in StageSettings.model_fields})


def read_config(path: Path) -> Config:
    """Read the file; raise `ConfigError` that lists every fault at once, the environment's too."""
    return _checked(read_toml(path), str(path))


def read_config_if_any(path: Path) -> Config:
    """The same, with the defaults where there is no file."""
    return read_config(path) if path.is_file() else _checked({}, "the environment")


def _checked(values: dict[str, Any], where: str) -> Config:
    try:
        return Config(**values)
    except ValidationError as error:
        faults = "\n".join(f"  {fault}" for fault in _faults(error))
        raise ConfigError(f"{where} has {error.error_count()} fault(s):\n{faults}") from error
    except SettingsError as error:  # a variable of a whole table that is not JSON
        raise ConfigError(f"the environment: {error}; a table there is JSON") from error


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            yield f"{name}: there is no such setting"
        elif not name:  # a fault of several settings together, which names them itself
            yield fault["msg"]
        elif fault["loc"][:2] in SECRET_SETTINGS or (
            len(fault["loc"]) == 1 and fault["loc"][0] in SECRET_TABLES
        ):
            yield f"{name}: {fault['msg']}"
        else:
            yield f"{name}: {fault['msg']} (it is {fault['input']!r})"


def every_setting() -> Iterator[tuple[str, str, str]]:
    """The full name, the default (as TOML) and the meaning of every setting."""
    for name, field in Config.model_fields.items():
        if (table := _table(field)) is None:
            yield name, _toml(field.default), field.description or ""
            continue
        for key, inner in table.model_fields.items():
            yield f"{name}.{key}", _toml(inner.default), inner.description or ""


def default_file() -> str:
    """The text of a new `ddaemon.toml`: every setting, commented out, at its default."""
    lines = ["# ddaemon: every setting at its default. Take the # away to change one.", ""]
    table = ""
    for name, default, meaning in sorted(every_setting(), key=lambda s: "." in s[0]):
        section, _, key = name.rpartition(".")
        if section != table:
            table = section
            lines += ["", f"[{section}]"]
        if name == "plugins":
            lines += [f"# [plugins.NAME]  # {meaning}"]
        else:
            lines += [f"# {meaning}", f"# {key} = {default}"]
    return "\n".join(lines) + "\n"


def _table(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _toml(value: Any) -> str:
    if value == {}:
        return "{}"
    # JSON's text for strings, numbers, booleans and lists of them is TOML's as well.
    return json.dumps(value)
