"""What identifies a file's content, and what shows that a file was touched."""

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

READ_CHUNK_BYTES = 1 << 20


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(READ_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_whole(path: Path, most: int) -> bytes:
    """The content of a plain file, or of the one that a link points to.

    Raises OSError when it is anything else, such as a pipe, which could block, or has more than
    `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
        return stream.read(most)


def file_name(path: Path) -> str:
    """The file's name as text, whatever bytes it is made of."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Size in bytes, modification time in nanoseconds, inode: equal means nobody touched it."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileStamp":
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    @classmethod
    def at(cls, path: Path) -> "FileStamp | None":
        """The stamp of the file at `path` (a link's own, not its target's); None if none."""
        try:
            return cls.of(path.lstat())
        except OSError:
            return None
