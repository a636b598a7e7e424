"""What a run has finished, one JSON line per unit: proof that nothing was done twice."""

import json
import time
from pathlib import Path

from ...storage.times import iso


class Journal:
    """Appends to a file, which may have lines of an earlier, interrupted run of the same work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, step: str, unit: str) -> None:
        """Record that one unit of a step is finished and saved: a file's features, an epoch."""
        line = json.dumps({"at": iso(time.time()), "step": step, "unit": unit})
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
