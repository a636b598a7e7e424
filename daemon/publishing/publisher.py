"""Brings finished work to the outbox and the quarantine, in a thread of its own.

There is one rule for normal life and for the start after a crash: whatever the queue calls half
done is brought to its end, and each step may be repeated. A failure (a full disk, a read-only
outbox) is said and tried again; the job stays half done until then.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ...record.file import VERDICT_FILE, close_record, read_record
from ...record.schema import PublishableRecord
from ...record.witnesses import custody_of_log
from ...storage.content import FileStamp, hash_file
from ...storage.errors import DatabaseLost
from ...storage.queue import JobRow, Queue
from ...storage.states import State
from ...storage.times import iso
from ...storage.verdicts import DetectorRef
from ..woken_thread import WokenThread
from .names import folder_name
from .outbox import PublishDirectory

logger = logging.getLogger(__name__)

RETRY_S = 5.0


class Publisher(WokenThread):
    """Publishes what is half done whenever it is woken, and every few seconds after a failure.

    Args:
        queue: says what is half done.
        work: where the attempts' folders lie.
        outbox: for verdicts.
        quarantine: for videos whose attempts were used up.
        move_original: whether the video goes along.
        on_done: called, from the publisher's thread, after each round.
    """

    def __init__(
        self,
        queue: Queue,
        work: Path,
        outbox: Path,
        quarantine: Path,
        *,
        move_original: bool,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("publisher")
        self._queue = queue
        self._work = work
        self._outbox = PublishDirectory(outbox)
        self._quarantine = PublishDirectory(quarantine)
        self.move_original = move_original
        self._on_done = on_done
        self.fault: str | None = None  # why the last round left something half done

    def start(self) -> None:
        self.wake()  # something may have been left half done
        super().start()

    def publish_all(self) -> None:
        """One round: bring all that is half done to its end; `fault` says what could not be."""
        self.fault = None
        for row in self._queue.half_done():
            self._try(row, self._publish, row)
        if self.move_original:
            for path, stamp, row in self._queue.files_of_ended():
                self._try(row, self._move_along, path, stamp, row)

    def _longest_pause_s(self) -> float | None:
        return RETRY_S if self.fault else None

    def _round(self) -> None:
        try:
            self.publish_all()
        except DatabaseLost as error:
            self._say(str(error))
        self._on_done()

    def _try(self, row: JobRow, step: Callable[..., None], *args: object) -> None:
        try:
            step(*args)
        # A worker that a video took over can still write to what it holds open: a record that is
        # damaged after it was looked at, or too deep to be told of, must not end this thread.
        except (OSError, RecursionError) as error:
            self._say(f"job {row.id} can't be published: {_in_short(error)}")

    def _say(self, fault: str) -> None:
        self.fault = fault
        logger.error("%s; it is tried again", fault)

    def _publish(self, row: JobRow) -> None:
        if row.state == State.PUBLISHING:
            self._publish_verdict(row)
        else:
            self._publish_reason(row)

    def _publish_verdict(self, row: JobRow) -> None:
        work = attempt_folder(self._work, row.id, row.token)
        if not self._outbox.has_part(row.folder) and not _is_whole(work):
            self._queue.judge_again(row.id, "its verdict was lost before it was published")
            return
        final = self._outbox.place(row.folder, work, self._original(row), closing=self._close)
        self._queue.set_folder(row.id, row.folder, self._whereabouts(row, final))
        self._queue.finish(row.id, hash_file(final / VERDICT_FILE), _judge(final))
        logger.info("job %s: %s, in %s", row.id, row.decision, row.folder)

    def _whereabouts(self, row: JobRow, final: Path) -> Path:
        """Where the job's video lies now, where a rerun or a retry finds it: it may have been moved
        along just now, or by a service that died before it could note it."""
        source: Path = row.source
        moved = final / source.name
        stamp = FileStamp.at(moved)
        if not self.move_original or source.exists() or stamp is None:
            return source
        is_it = stamp.size == row.bytes and (
            stamp.inode == row.inode or hash_file(moved) == row.sha256
        )
        return moved if is_it else source

    def _close(self, folder: Path) -> None:
        """Close the record: it lists its files, and names the last entry of the audit log."""
        close_record(folder, custody_of_log(self._queue.audit_head(), iso(time.time())))

    def _publish_reason(self, row: JobRow) -> None:
        folder = folder_name(row.name, row.id)
        reason = {
            "format": 1,
            "job": row.id,
            "name": row.name,
            "sha256": row.sha256,
            "reason": row.reason,
            "last_error": row.error,
            "attempts": row.attempts,
            "what_to_do": f"mend the cause, then `ddaemon jobs retry {row.id}`",
        }
        work = attempt_folder(self._work, row.id, "quarantine")
        final = self._quarantine.place_reason(folder, work, reason, self._original(row))
        self._queue.set_folder(row.id, folder, self._whereabouts(row, final))
        logger.warning("job %s is quarantined: %s", row.id, row.error)

    def _original(self, row: JobRow) -> Path | None:
        """The video, unless it stays where it is or is no longer the one that was judged. What an
        earlier verdict lies beside stays there."""
        if row.source.is_relative_to(self._outbox.path):
            return None
        accepted = FileStamp(row.bytes, row.mtime_ns, row.inode)
        untouched = FileStamp.at(row.source) == accepted
        return row.source if self.move_original and untouched else None

    def _move_along(self, path: Path, stamp: FileStamp, row: JobRow) -> None:
        """A file with the content of a job that has ended: it goes where that job's folder is."""
        directory = self._outbox if row.state == State.DONE else self._quarantine
        if FileStamp.at(path) == stamp and (directory.path / row.folder).is_dir():
            directory.add(row.folder, path)
            self._queue.moved_along(path, row)
        else:
            self._queue.forget_file(path)


def attempt_folder(work: Path, job: str, token: str) -> Path:
    """Where one attempt of one job writes."""
    return work / f"{job}-{token}"


def clear_attempt(folder: Path) -> None:
    """Remove an attempt's folder, and the halves that a killed worker left beside it."""
    for path in folder.parent.iterdir():
        if folder.name in path.name:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        _open_up(path)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _open_up(folder: Path) -> None:
    """A worker may have made folders that nobody may enter."""
    folder.chmod(0o700)
    for root, names, _ in os.walk(folder):
        for path in (Path(root, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)


def _in_short(error: Exception) -> str:
    """A copy that failed lists every file: the first one's reason tells it all."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        return str(error.args[0][0][-1])
    return str(error)


def _judge(folder: Path) -> DetectorRef | None:
    """The detector that the record names, if it names one."""
    record: PublishableRecord = read_record(folder)
    detector = record.get("detector")
    return detector and DetectorRef(detector["name"], detector["version"], detector["sha256"])


def _is_whole(work: Path) -> bool:
    try:
        read_record(work)
    except OSError:
        return False
    return True


def clean_work(work: Path, queue: Queue) -> None:
    """Remove what dead attempts left behind; what is to be published stays."""
    keep = {attempt_folder(work, row.id, row.token) for row in queue.half_done() if row.token}
    for path in work.iterdir():
        if path not in keep:
            _remove(path)
