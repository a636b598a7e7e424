"""Choosing the detector that judges: each choice is entered in the audit log."""

from collections.abc import Callable

from ...storage.audit import append
from ...storage.database import Database
from ...storage.reading import is_there
from ...storage.registry import DetectorFolder, Registry
from .home import Home


def use_detector(home: Home, name: str) -> DetectorFolder:
    """Let `name` judge from the next job on. Raises `DetectorError` when it can't."""
    registry = Registry(home.detectors)
    return _choose(home, registry, "detector chosen", lambda: registry.use(name))


def rollback_detector(home: Home) -> DetectorFolder:
    """Take the last choice back. Raises `DetectorError` when there was none."""
    registry = Registry(home.detectors)
    return _choose(home, registry, "detector choice taken back", registry.rollback)


def _choose(
    home: Home, registry: Registry, kind: str, change: Callable[[], DetectorFolder]
) -> DetectorFolder:
    """Make a choice and log it. Without `ddaemon init` a folder has detectors, but no log."""
    if not is_there(home.database):
        return change()
    database = Database.open(home.database)
    try:
        with database.write() as connection:
            before = registry.active_name()
            detector = change()  # a file: if interrupted here, the choice has no entry
            what = {"detector": detector.name, "before": before}
            append(connection, kind, None, what, sha256=detector.sha256)
    finally:
        database.close()
    return detector
