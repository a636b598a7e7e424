"""The inbox as a folder: which of its entries may be taken, and what they look like now."""

import fnmatch
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...storage.content import FileStamp

# File systems that others may change too, without this kernel's knowledge: no events for those.
SILENT_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "vboxsf"}
)
# What is never taken, and what it is called.
KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


@dataclass(slots=True)
class ScanResult:
    """What a scan of the whole inbox found."""

    files: dict[Path, FileStamp] = field(default_factory=dict)  # those that may be taken
    refused: dict[Path, str] = field(default_factory=dict)  # and why
    closed: dict[Path, str] = field(default_factory=dict)  # subfolders that can't be read, and why

    def is_unknown(self, path: Path) -> bool:
        """Whether the file lies where the scan could not look: it need not be gone."""
        return bool(self.closed) and any(path.is_relative_to(folder) for folder in self.closed)


class Inbox:
    """One watched folder, subfolders included.

    Only regular files are taken: a link could point anywhere, and a pipe or a device could hang
    its reader. Nothing is ever opened here.
    """

    def __init__(self, path: Path, ignore: Sequence[str]) -> None:
        self.path = path
        # One expression for all patterns: it is matched against every part of every name.
        self._ignored = re.compile("|".join(map(fnmatch.translate, ignore)) or r"(?!)")

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the folder; None when it is missing. When another file system is
        mounted over it, it is another folder; and a missing inbox is not an empty one."""
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

    def scan(self) -> ScanResult:
        """Look at everything in it. Raises OSError when the inbox itself can't be read."""
        findings = ScanResult()
        self._scan(self.path, findings)
        return findings

    def look(self, path: Path) -> FileStamp | None:
        """The file's stamp, or None when it may not be taken or is gone."""
        status = self._status(path)
        return FileStamp.of(status) if status and stat.S_ISREG(status.st_mode) else None

    def refusal(self, path: Path) -> str | None:
        """Why this entry is never taken; None for a file, a folder, or if nothing is there."""
        status = self._status(path)
        return _refusal(status.st_mode) if status else None

    def sends_events(self) -> bool:
        """Whether the kernel reports every change in this folder, whoever makes it."""
        return _file_system(self.path) not in SILENT_FILE_SYSTEMS

    def _status(self, path: Path) -> os.stat_result | None:
        try:
            return path.lstat() if self.wants(path) else None
        except OSError:
            return None

    def _scan(self, folder: Path, findings: ScanResult) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if self._is_ignored(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    self._scan_below(Path(entry.path), findings)
                else:
                    _note(entry, findings)

    def _scan_below(self, folder: Path, findings: ScanResult) -> None:
        try:
            self._scan(folder, findings)
        except (FileNotFoundError, NotADirectoryError):
            return  # it vanished meanwhile: the next scan will show
        except OSError as error:
            findings.closed[folder] = error.strerror or str(error)

    def _is_ignored(self, name: str) -> bool:
        return self._ignored.match(name) is not None


def _note(entry: "os.DirEntry[str]", findings: ScanResult) -> None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return  # it went away meanwhile
    if stat.S_ISREG(status.st_mode):
        findings.files[Path(entry.path)] = FileStamp.of(status)
    elif why := _refusal(status.st_mode):
        findings.refused[Path(entry.path)] = why


def _refusal(mode: int) -> str | None:
    return next((f"it is {kind}" for is_kind, kind in KINDS if is_kind(mode)), None)


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
