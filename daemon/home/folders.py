"""Where the settings put the inbox and the outbox."""

from pathlib import Path

from .config import Config
from .home import Home


def inbox_path(home: Home, config: Config) -> Path:
    """The watched folder."""
    return Path(config.inbox.path).expanduser() if config.inbox.path else home.inbox


def outbox_path(home: Home, config: Config) -> Path:
    """Where verdicts appear."""
    return Path(config.outbox.path).expanduser() if config.outbox.path else home.outbox
