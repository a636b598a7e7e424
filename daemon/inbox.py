"""The inbox as a folder: which of its entries may be taken, and what they look like now."""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..storage.content import FileStamp

# File systems whose changes are made elsewhere too, so that the kernel sends no events for them.
SILENT_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "vboxsf"}
)


class Inbox:
    """One watched folder, subfolders included.

    Only regular files are taken: a link could point anywhere, and a pipe or a device could hang
    its reader.
    """

    def __init__(self, path: Path, ignore: Sequence[str]) -> None:
        self.path = path
        self._ignore = tuple(ignore)

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the folder; None when it is not there. Another file system that is
        mounted in its place is another folder, and a missing inbox is not an empty one."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None

    def wants(self, path: Path) -> bool:
        """Whether no part of the name, below the inbox, is on the list of ignored names."""
        try:
            parts = path.relative_to(self.path).parts
        except ValueError:
            return False
        return bool(parts) and not any(self._is_ignored(part) for part in parts)

    def scan(self) -> Iterator[tuple[Path, FileStamp]]:
        """Every file that may be taken. Raises OSError when the inbox itself can't be read."""
        yield from self._scan(self.path)

    def look(self, path: Path) -> FileStamp | None:
        """The file's stamp, or None when it may not be taken or is gone."""
        if not self.wants(path):
            return None
        try:
            status = path.lstat()
        except OSError:
            return None
        return FileStamp.of(status) if stat.S_ISREG(status.st_mode) else None

    def sends_events(self) -> bool:
        """Whether the kernel reports what happens in this folder, whoever does it."""
        return _file_system(self.path) not in SILENT_FILE_SYSTEMS

    def _scan(self, folder: Path) -> Iterator[tuple[Path, FileStamp]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if self._is_ignored(entry.name):
                    continue
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    yield from self._scan_below(path)
                elif (stamp := self.look(path)) is not None:
                    yield path, stamp

    def _scan_below(self, folder: Path) -> Iterator[tuple[Path, FileStamp]]:
        try:
            yield from self._scan(folder)
        except (FileNotFoundError, PermissionError):
            return  # a subfolder that vanished, or is another user's: the next look will see

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._ignore)


def _file_system(path: Path) -> str:
    """The type of the file system that holds `path`, from Linux's table of mounts."""
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return "unknown"
    best, kind = "", "unknown"
    resolved = str(path.resolve())
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, found, *_ = line.split(" ")
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind
