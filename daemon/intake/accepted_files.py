"""The files of the inbox whose content the queue already has."""

from collections.abc import Container
from pathlib import Path

from ...storage.content import FileStamp
from ...storage.queue import Queue
from .watched_folder import WatchedFolder


class AcceptedFiles:
    """Which file was accepted with which stamp, and which of them lie in the present folder.

    The others may have gone with a folder that was unmounted, and come back with it.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._known = queue.known_files()
        self._present: set[Path] = set()

    def is_away(self, path: Path, folder: WatchedFolder) -> bool:
        """Whether this file may have gone with an inbox that was unmounted, and will come back
        with it."""
        if not path.is_relative_to(folder.path):
            return False
        if not folder.is_there():
            return True
        return folder.has_moved and path in self._known and path not in self._present

    def absence(self, folder: WatchedFolder) -> str | None:
        """In words, that files are waited for which are not in the folder; None if there is
        nothing to say."""
        missing = len(self._known) - len(self._present)
        if not (folder.has_moved and missing) or folder.blocked:
            return None
        return (
            f"the inbox {folder.path} is another folder than before (was it mounted "
            f"or unmounted?); {missing} file(s) that were accepted are not in it, and are waited "
            "for until the next start"
        )

    def is_accepted(self, path: Path, stamp: FileStamp) -> bool:
        """Whether the file was accepted as it is, with this stamp."""
        return self._known.get(path) == stamp

    def see(self, path: Path, stamp: FileStamp) -> bool:
        """Note that a file lies in the folder; whether it was accepted as it is."""
        if not self.is_accepted(path, stamp):
            return False
        self._present.add(path)
        return True

    def add(self, path: Path, stamp: FileStamp) -> None:
        """The queue has its content now."""
        self._known[path] = stamp
        self._present.add(path)

    def lose(self, path: Path) -> None:
        """A file that was seen in the folder is gone from it."""
        if path in self._present:
            self.forget(path)

    def forget(self, path: Path) -> None:
        """Take what lies there for a new file, if it is seen again."""
        self._present.discard(path)
        if self._known.pop(path, None) is not None:
            self._queue.forget_file(path)

    def gone_from(self, found: Container[Path]) -> list[Path]:
        """Those seen before that are not among the files found."""
        return [path for path in self._present if path not in found]

    def change_folder(self, *, is_there: bool) -> None:
        """Another folder lies at the inbox's path, or none."""
        self._present.clear()
        if is_there:
            self._known = self._queue.known_files()  # a publisher may have forgotten some
