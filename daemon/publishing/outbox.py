"""The outbox and the quarantine: folders that appear whole, under unique names.

Everything is made beside its final place, under a name that begins with a dot, synced to the disk
and renamed; a crash leaves nothing, or a dotted part that the next start continues with.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ...storage.content import hash_file
from ...storage.sync import sync_folder, sync_tree
from ...storage.text import readable_json

REASON_FILE = "reason.json"
MAX_NAME_BYTES = 255  # of one name, on every common file system
COPY = ".copy.part"  # of a video on its way from another file system


class PublishDirectory:
    """One folder of finished folders."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(
        self,
        name: str,
        work: Path,
        original: Path | None = None,
        *,
        closing: Callable[[Path], object] = lambda _folder: None,
    ) -> Path:
        """Make `name` appear with all that is in `work`; with the original video, if given.

        It may be called again for the same name after a crash at any point: what was done is
        not done again, except that `closing` may be. `closing` is called with the folder when
        everything is in it, before it appears.
        """
        final = self.path / name
        if final.is_dir():
            return final
        part = self.path / f".{name}.part"
        _move_folder(work, part)
        if original is not None and original.exists():
            # A video may be called verdict.json: it must not replace ddaemon's.
            _move_file(original, part)
        (part / COPY).unlink(missing_ok=True)
        closing(part)
        sync_tree(part)
        part.rename(final)
        sync_folder(self.path)
        return final

    def has_part(self, name: str) -> bool:
        """Whether `name` is there, or half made."""
        return (self.path / name).is_dir() or (self.path / f".{name}.part").is_dir()

    def add(self, name: str, file: Path) -> Path:
        """Move one more file into a folder that is there already; return its new place."""
        return _move_file(file, self.path / name)

    def place_reason(
        self, name: str, work: Path, reason: dict[str, object], original: Path | None
    ) -> Path:
        """Make `name` appear with a reason that a person can read, and the original, if given."""
        if (self.path / name).is_dir():
            return self.path / name
        work.mkdir(parents=True, exist_ok=True)
        (work / REASON_FILE).write_text(readable_json(reason) + "\n", encoding="utf-8")
        return self.place(name, work, original)


def _move_folder(source: Path, target: Path) -> None:
    if not source.exists():
        # The last run came as far as this move, or died before there was anything to move.
        target.mkdir(exist_ok=True)
        return
    try:
        source.rename(target)
    except OSError:  # another file system, or a half-copied target of the last run
        shutil.copytree(source, target, dirs_exist_ok=True)
        shutil.rmtree(source)


def _move_file(source: Path, folder: Path) -> Path:
    """Rename into the folder, or across file systems copy, compare and only then remove; the new
    place. After a crash it may be called again: there will be one file, and a whole one."""
    target = free_name(folder / source.name)
    try:
        source.rename(target)
    except OSError:
        there = folder / source.name
        if there.is_file() and hash_file(there) == hash_file(source):
            target = there  # the last run died before it could remove the source
        else:
            _copy_whole(source, target)
        source.unlink()
    _close(target)
    return target


def _close(video: Path) -> None:
    """Make the video writable by its owner only, and not executable."""
    status = video.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o7133:
        video.chmod(status.st_mode & 0o644)


def _copy_whole(source: Path, target: Path) -> None:
    beside = target.with_name(COPY)
    shutil.copy2(source, beside)
    if hash_file(source) != hash_file(beside):
        raise OSError(f"the copy of {source} at {beside} differs from it")
    with beside.open("rb") as stream:
        os.fsync(stream.fileno())  # the only other copy is removed next
    beside.rename(target)


def free_name(path: Path) -> Path:
    """`path`, or if that is taken, the first of `-2`, `-3`, … that is not."""
    number = 2
    free = path
    while os.path.lexists(free):
        free = _numbered(path, f"-{number}")
        number += 1
    return free


def _numbered(path: Path, number: str) -> Path:
    """The path with `number` after its stem, which is cut where the name would be too long."""
    room = MAX_NAME_BYTES - len(os.fsencode(number + path.suffix))
    stem, suffix = (path.stem, path.suffix) if room > 0 else (path.name, "")
    room = MAX_NAME_BYTES - len(os.fsencode(number + suffix))
    return path.with_name(os.fsdecode(os.fsencode(stem)[:room]) + number + suffix)
