"""Putting a file into the inbox and the queue in one go."""

import hashlib
import os
import shutil
import time
from pathlib import Path

from ...storage.content import READ_CHUNK_BYTES, FileStamp
from ...storage.errors import HomeError
from ...storage.queue import Arrival, Queue
from ...storage.sync import sync_folder
from ..publishing.outbox import free_name


def submit(video: Path, inbox: Path, queue: Queue, priority: int) -> tuple[str, bool]:
    """Copy `video` into the inbox under a free name; return its job and whether that is new.

    The copy has a name that the watcher ignores until it is whole and on the disk.
    """
    if not inbox.is_dir():
        raise HomeError(f"the inbox {inbox} is not there; mount it, or fix inbox.path")
    beside = inbox / f".submit-{os.getpid()}-{time.monotonic_ns()}"
    try:
        digest = _copy(video, beside)
        place = free_name(inbox / video.name)
        beside.rename(place)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(inbox)
    stamp = FileStamp.of(place.lstat())
    return queue.enqueue(Arrival(place, stamp, digest, time.time(), priority))


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(READ_CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    shutil.copystat(source, target)
    return digest.hexdigest()
