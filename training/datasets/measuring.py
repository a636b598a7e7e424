"""The fingerprints of a whole data set: by several processes, and kept for the next run."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ...storage.errors import UserError
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.workers import Places, folders_of, run_tasks
from .fingerprint import Fingerprint, fingerprint, fingerprint_crashed
from .media import archive_sizes, split_archive
from .rows import IMAGE, VIDEO

STEP = "index"
CODE = 1  # version of fingerprint.py: to be raised when what it measures changes
CHUNK = {IMAGE: 256, VIDEO: 1}  # files per task: measuring an image costs less than handing it over
LIMIT_S = 600.0  # a task that takes longer is stuck

File = tuple[str, str]  # path and kind
Chunk = tuple[File, ...]
FileKey = tuple[str, int, int, int]  # path, bytes, time of change in ns, CODE


def measure(
    root: Path,
    files: Sequence[File],
    cache: Path,
    journal: Journal,
    progress: ProgressCallback,
    workers: int,
) -> dict[str, Fingerprint]:
    """The fingerprint of each path. Files that `cache` (JSON lines) knows are not read again.

    A file that ends its process, or takes longer than ten minutes, has that as its fault.
    """
    kept = _Kept(cache, root)
    found = {path: known for path, _ in files if (known := kept.get(path))}
    left = [file for file in dict.fromkeys(files) if file[0] not in found]
    done, total = len(found), len(found) + len(left)
    progress(STEP, done, total)
    for path, measured in _measure(root, left, workers):
        kept.add(path, measured)
        journal.note(STEP, path)
        found[path] = measured
        done += 1
        progress(STEP, done, total)
    return found


def _measure(root: Path, files: Sequence[File], workers: int) -> Iterator[tuple[str, Fingerprint]]:
    call = partial(fingerprint_chunk, root)
    places = Places(folders_of(root, (split_archive(path)[0] or path for path, _ in files)))
    again: list[Chunk] = []
    for end in run_tasks(call, _chunks(files), workers, LIMIT_S, places):
        if end.result is None:
            again += [(file,) for file in end.task]
        else:
            yield from zip((path for path, _ in end.task), end.result, strict=True)
    # One file of each lost task is to blame: run alone, it loses only itself.
    for end in run_tasks(call, again, workers, LIMIT_S, places):
        [(path, _)] = end.task
        yield path, end.result[0] if end.result else fingerprint_crashed(root, path, end.lost)


def fingerprint_chunk(root: Path, chunk: Chunk) -> list[Fingerprint]:
    """Runs in a worker process."""
    return [fingerprint(root, path, kind) for path, kind in chunk]


def _chunks(files: Sequence[File]) -> list[Chunk]:
    chunks = []
    for kind, size in CHUNK.items():
        alike = [file for file in files if file[1] == kind]
        chunks += [tuple(alike[start : start + size]) for start in range(0, len(alike), size)]
    return chunks


class _Kept:
    """Fingerprints on disk, each under its file's path, size and time of change."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root = file, root
        file.parent.mkdir(parents=True, exist_ok=True)
        _drop_half_line(file)
        self._known = _read(file) if file.is_file() else {}

    def get(self, path: str) -> Fingerprint | None:
        return self._known.get(self._key(path))

    def add(self, path: str, measured: Fingerprint) -> None:
        if not measured.sha256:  # it could not be read, which may change
            return
        line = json.dumps({"key": self._key(path), "measured": asdict(measured)})
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def _key(self, path: str) -> FileKey:
        archive, member = split_archive(path)
        state = (self._root / (archive or path)).stat()
        size = archive_sizes(self._root / archive)[member] if archive else state.st_size
        return str(self._root / path), size, state.st_mtime_ns, CODE


def _drop_half_line(file: Path) -> None:
    """Remove an unfinished last line, which a killed run may have left."""
    content = file.read_bytes() if file.is_file() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(file, content.rfind(b"\n") + 1)


def _read(file: Path) -> dict[FileKey, Fingerprint]:
    known: dict[FileKey, Fingerprint] = {}
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            known[tuple(entry["key"])] = Fingerprint(**entry["measured"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}); delete it, it will be made again") from error
    return known
