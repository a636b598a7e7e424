"""Which files of the inbox are complete: the rule, without threads, files or a clock.

A file is complete when its stamp (size, modification time, inode) has been still for `settle`
seconds and its container opens. One that is still but does not open may be a video whose writer
pauses: it waits, until it changes or until `patience` seconds of stillness are over; then it is
taken as it is, and the chain says what is wrong with it. Something that is no video at all is
taken at once, for the same answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from ...storage.content import FileStamp


class Phase(Enum):
    SETTLING = auto()  # touched less than `settle` seconds ago
    EXAMINED = auto()  # another process opens and hashes it now
    WAITING = auto()  # still, but does not open yet
    UNREADABLE = auto()  # somebody must allow reading it, or fix the disk


@dataclass(slots=True)
class Sighting:
    """What is known about one file that has not been accepted yet."""

    stamp: FileStamp
    still_since: float
    due_at: float | None  # None while it is examined
    phase: Phase = Phase.SETTLING


class Arrivals:
    """Files on their way in. `now` is any clock that never goes back, in seconds."""

    def __init__(self, settle: float, patience: float) -> None:
        self.settle = settle
        self.patience = patience
        self._seen: dict[Path, Sighting] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def count(self, phase: Phase) -> int:
        """How many files are in this phase."""
        return sum(sighting.phase is phase for sighting in self._seen.values())

    def see(self, path: Path, stamp: FileStamp, now: float) -> None:
        """Note how the file looks now. A changed stamp restarts its stillness."""
        sighting = self._seen.get(path)
        if sighting is None or sighting.stamp != stamp:
            self._seen[path] = Sighting(stamp, now, now + self.settle)

    def lose(self, path: Path) -> None:
        """Forget a file that is gone, or was accepted."""
        self._seen.pop(path, None)

    def due(self, now: float) -> list[tuple[Path, FileStamp]]:
        """Files to be opened and hashed now; they count as examined from here on."""
        found = [
            (path, sighting.stamp)
            for path, sighting in self._seen.items()
            if sighting.due_at is not None and sighting.due_at <= now
        ]
        for path, stamp in found:
            self._move(path, stamp, Phase.EXAMINED, None)
        return found

    def next_due(self) -> float | None:
        """When the next file will be due, by the clock of `see`; None when none will."""
        moments = (sighting.due_at for sighting in self._seen.values())
        return min((moment for moment in moments if moment is not None), default=None)

    def is_patience_over(self, path: Path, now: float) -> bool:
        """Whether a file that does not open is to be taken as it is."""
        sighting = self._seen.get(path)
        return sighting is not None and now - sighting.still_since >= self.patience

    def wait(self, path: Path, stamp: FileStamp, now: float) -> None:
        """Note that the file does not open yet: it is due again when patience is over."""
        sighting = self._seen.get(path)
        since = sighting.still_since if sighting else now
        self._move(path, stamp, Phase.WAITING, max(since + self.patience, now + self.settle))

    def cannot_read(self, path: Path, stamp: FileStamp, due_at: float) -> None:
        """Note that the file can't be read: it is tried again at this moment."""
        self._move(path, stamp, Phase.UNREADABLE, due_at)

    def again(self, path: Path, stamp: FileStamp, now: float) -> None:
        """Note that the examination gave no result: the file starts settling again."""
        self._move(path, stamp, Phase.SETTLING, now + self.settle)

    def is_current(self, path: Path, stamp: FileStamp) -> bool:
        """Whether a result for this stamp is still about the file as last seen."""
        sighting = self._seen.get(path)
        return sighting is not None and sighting.stamp == stamp

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Forget all but these files, which a scan of the whole inbox found."""
        present = set(paths)
        self._seen = {path: s for path, s in self._seen.items() if path in present}

    def _move(self, path: Path, stamp: FileStamp, phase: Phase, due_at: float | None) -> None:
        if self.is_current(path, stamp):
            self._seen[path].phase = phase
            self._seen[path].due_at = due_at
