"""Homes as a backup finds them."""

from pathlib import Path

from ddaemon.daemon.home.home import Home
from ddaemon.storage.database import Database


def home_to_back_up(path: Path) -> Home:
    """Settings, a database without jobs, and a file among the detectors."""
    home = Home(path)
    home.make()
    home.config.write_text("")
    (home.detectors / "record").write_text("kept")
    Database.create(home.state).close()
    return home
