"""The service's own entries in the audit log: when it started, by which detector, and stopped."""

import logging
from typing import Any

from .. import __version__
from ..storage.audit import append
from ..storage.database import Database
from ..storage.errors import DatabaseLost
from ..storage.registry import DetectorFolder

logger = logging.getLogger(__name__)


class ServiceLog:
    """Writes an end only where it wrote a start."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_started = False

    def started(self, detector: DetectorFolder) -> None:
        detail = {"version": __version__, "detector": detector.name}
        self._append("service started", detail, detector.sha256)
        self._has_started = True

    def stopped(self) -> None:
        """A database that is away keeps no service from ending."""
        if not self._has_started:
            return
        try:
            self._append("service stopped", {"version": __version__})
        except DatabaseLost as error:
            logger.error("the audit log lacks the stop of the service: %s", error)  # noqa: TRY400

    def _append(self, kind: str, detail: dict[str, Any], sha256: str | None = None) -> None:
        with self._database.write() as connection:
            append(connection, kind, None, detail, sha256=sha256)
