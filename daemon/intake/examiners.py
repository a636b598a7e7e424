"""Files that wait to be examined, and the processes that do it."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from ...isolation.sandbox.confinement import Confinement
from ...storage.content import FileStamp
from ..home.config import WorkersSettings
from .examiner import Examiner, Seen
from .identify import Examined

BATCH_FILES = 64
BATCH_BYTES = 64_000_000

IsCurrent = Callable[[Path, FileStamp], bool]


class Examiners:
    """Two processes: small files are looked at many at a time; a large one has the other process
    to itself, so that the reading of one does not hold up the others.

    `on_done` is called, from any thread, when there is something to collect.
    """

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._small, self._large = _Line(on_done), _Line(on_done)
        self._lines = (self._small, self._large)

    def configure(self, confinement: Confinement, limits: WorkersSettings) -> None:
        """Before the first file, and when the settings have changed."""
        for line in self._lines:
            line.examiner.configure(confinement, limits)

    def add(self, path: Path, stamp: FileStamp) -> None:
        """Examine this file when its turn comes."""
        line = self._small if stamp.size <= BATCH_BYTES else self._large
        line.due.append((path, stamp))

    def start(self, is_current: IsCurrent) -> None:
        """Hand the next files to whichever process is free, without those that are no longer as
        they were when they became due."""
        for line in self._lines:
            line.start(is_current)

    def collect(self) -> list[tuple[Path, FileStamp, Examined]]:
        """What was found since the last call. Never blocks."""
        return [found for line in self._lines for found in line.examiner.collect()]

    def next_moment(self) -> float | None:
        """When the first limit of what runs now is over, by the monotonic clock."""
        moments = [line.examiner.next_moment() for line in self._lines]
        return min((moment for moment in moments if moment is not None), default=None)

    def stop(self) -> None:
        """End both processes."""
        for line in self._lines:
            line.examiner.stop()


class _Line:
    """One process, and its files in the order in which they became due."""

    def __init__(self, on_done: Callable[[], None]) -> None:
        self.examiner = Examiner(on_done)
        self.due: deque[Seen] = deque()

    def start(self, is_current: IsCurrent) -> None:
        if not self.examiner.is_free:
            return
        batch: list[Seen] = []
        room = BATCH_BYTES
        while self.due and len(batch) < BATCH_FILES and (room > 0 or not batch):
            path, stamp = self.due.popleft()
            if is_current(path, stamp):
                batch.append((path, stamp))
                room -= stamp.size
        if batch:
            self.examiner.submit(batch)
