"""What one kind of worker may do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mode = Literal["auto", "require", "off"]


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a worker may do besides running Python and reading its libraries.

    Attributes:
        mode: "auto" applies the rules that the kernel supports, "require" refuses to work when one
            is missing, "off" applies none.
        read: folders and files whose content it may read; missing ones are skipped.
        write: folders in which it may make, change and delete files. The first one is where its
            temporary files go.
        devices: device files that it may use, for a network on a GPU.
        private: folders that no import path may open: an entry of `sys.path` above one of them is
            left out.
        memory_bytes: most memory of its own that it may ask for; None: no limit.
        cpu_seconds: most processor time of one call; None: no limit.
    """

    mode: Mode = "auto"
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()
    memory_bytes: int | None = None
    cpu_seconds: float | None = None

    def identities(self) -> tuple[tuple[int, int] | None, ...]:
        """Device and inode of each path: the rules hold for these and not for names, so that a
        process is replaced when another folder is mounted at a path."""
        return tuple(_identity(path) for path in (*self.read, *self.write))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
