"""Entries of the inbox that are not taken: logged once, and some of them shown in the status."""

import logging
from collections.abc import Collection
from pathlib import Path

from ...storage.text import printable

logger = logging.getLogger(__name__)


class Refusals:
    """Entries of the inbox with the reason why each is not taken."""

    def __init__(self) -> None:
        self._why: dict[Path, str] = {}
        self._in_status: set[Path] = set()

    def add(self, path: Path, why: str, *, is_told: bool = False) -> None:
        """Note an entry; a new one is logged. With `is_told` it is also shown in the status."""
        if self._why.get(path) == why:
            return
        self._why[path] = why
        if is_told:
            self._in_status.add(path)
        logger.warning("%s is not taken: %s", printable(path.name), why)

    def lose(self, path: Path) -> None:
        """Forget an entry that is gone, or was taken."""
        self._why.pop(path, None)
        self._in_status.discard(path)

    def keep_only(self, paths: Collection[Path]) -> None:
        """Forget all but these entries, which a scan of the whole inbox found."""
        for path in [path for path in self._why if path not in paths]:
            self.lose(path)

    def summary(self) -> str | None:
        """One sentence about the entries shown in the status; None without any."""
        if not self._in_status:
            return None
        first = min(self._in_status)
        more = f", and {len(self._in_status) - 1} more" if len(self._in_status) > 1 else ""
        return f"{printable(first.name)} is not taken: {self._why[first]}{more}"
