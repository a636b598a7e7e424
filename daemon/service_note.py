"""The note that a running service keeps in its home, for `ddaemon status` to read."""

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..storage.times import iso

logger = logging.getLogger(__name__)

NOTE_EVERY_S = 1.0


class ServiceNote:
    """`service.json` of a home: who serves it since when, what is arriving, and what is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started_at = iso(time.time())
        self._written: dict[str, Any] = {}
        self._has_failed = False  # the last write
        self._next_write = 0.0

    def is_due(self) -> bool:
        """Whether it is time to look for changes."""
        return time.monotonic() >= self._next_write

    def update(self, arrivals: Mapping[str, int], trouble: Sequence[str]) -> bool:
        """Write the note if it changed; whether it was written. A full disk is reported once, and
        the note is tried again with a later update."""
        self._next_write = time.monotonic() + NOTE_EVERY_S
        note = {
            "pid": os.getpid(),
            "version": __version__,
            "started_at": self._started_at,
            "arrivals": dict(arrivals),
            "trouble": [*trouble],
        }
        if note == self._written:
            return False
        try:
            _write_whole(self._path, json.dumps(note))
        except OSError as error:
            self._report(error)
            return False
        self._written, self._has_failed = note, False
        return True

    def remove(self) -> None:
        """The service ends."""
        self._path.unlink(missing_ok=True)

    def _report(self, error: OSError) -> None:
        if not self._has_failed:
            logger.error("%s can't be written: %s", self._path, error)
        self._has_failed = True


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
