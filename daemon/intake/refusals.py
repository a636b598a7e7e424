"""What of the inbox is not taken: said once in the log, and of some in the status."""

import logging
from collections.abc import Collection
from pathlib import Path

from ...storage.text import printable

logger = logging.getLogger(__name__)


class Refusals:
    """Entries of the inbox with the reason why each is not taken."""

    def __init__(self) -> None:
        self._why: dict[Path, str] = {}
        self._told: set[Path] = set()

    def add(self, path: Path, why: str, *, is_told: bool = False) -> None:
        """Note it; the log hears of it when it is new. With `is_told` the status does, too."""
        if self._why.get(path) == why:
            return
        self._why[path] = why
        if is_told:
            self._told.add(path)
        logger.warning("%s is not taken: %s", printable(path.name), why)

    def lose(self, path: Path) -> None:
        """It is gone, or was taken."""
        self._why.pop(path, None)
        self._told.discard(path)

    def keep_only(self, paths: Collection[Path]) -> None:
        """A look at the whole inbox found only these."""
        for path in [path for path in self._why if path not in paths]:
            self.lose(path)

    def summary(self) -> str | None:
        """One sentence on those that the status tells of; None without any."""
        if not self._told:
            return None
        first = min(self._told)
        more = f", and {len(self._told) - 1} more" if len(self._told) > 1 else ""
        return f"{printable(first.name)} is not taken: {self._why[first]}{more}"
